# SPDX-License-Identifier: Apache-2.0
# espalier_add_plugin: a plugin from its sources. Espalier's own plugins are built with it, and
# find_package(Espalier) gives it to everybody else.

# espalier_add_plugin(<name>
#     SOURCES <file>...            C, or C++ where the project enables it
#     [LIBRARIES <target>...]      further libraries to link; the mathematics library is linked
#     [PACKAGES <module>...]       pkg-config modules that the plugin needs
#     [DEFINITIONS <definition>...]
#     [TARGET <target>]            the target's name; plugin_<name> when left out
#     [OUTPUT_DIRECTORY <folder>]  where <name>.so is built; by default the variable
#                                  ESPALIER_PLUGIN_OUTPUT_DIRECTORY, else the binary folder
#     [OPTIONAL])                  a missing package leaves the plugin out, with a message,
#                                  instead of ending the configuration; the variable
#                                  ESPALIER_PLUGINS_OPTIONAL does so for all
#
# Makes <name>.so, which exports esp_plugin_entry alone. When a plugin is left out its target does
# not exist, and its name joins the global property ESPALIER_PLUGINS_LEFT_OUT.
function(espalier_add_plugin name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "OPTIONAL" "TARGET;OUTPUT_DIRECTORY"
        "SOURCES;LIBRARIES;PACKAGES;DEFINITIONS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "espalier_add_plugin(${name}): unknown: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_SOURCES)
        message(FATAL_ERROR "espalier_add_plugin(${name}): no SOURCES")
    endif()
    if(NOT arg_TARGET)
        set(arg_TARGET plugin_${name})
    endif()
    if(TARGET ${arg_TARGET})
        message(FATAL_ERROR "espalier_add_plugin(${name}): there is a plugin of this name already")
    endif()
    if(NOT arg_OUTPUT_DIRECTORY)
        if(ESPALIER_PLUGIN_OUTPUT_DIRECTORY)
            set(arg_OUTPUT_DIRECTORY ${ESPALIER_PLUGIN_OUTPUT_DIRECTORY})
        else()
            set(arg_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
        endif()
    endif()

    set(packages)
    set(missing)
    if(arg_PACKAGES)
        find_package(PkgConfig REQUIRED)
        foreach(module IN LISTS arg_PACKAGES)
            string(MAKE_C_IDENTIFIER "ESPALIER_${module}" prefix)
            pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${module})
            if(TARGET PkgConfig::${prefix})
                list(APPEND packages PkgConfig::${prefix})
            else()
                list(APPEND missing ${module})
            endif()
        endforeach()
    endif()
    if(missing)
        list(JOIN missing ", " missing)
        if(NOT arg_OPTIONAL AND NOT ESPALIER_PLUGINS_OPTIONAL)
            message(FATAL_ERROR "Plugin ${name} needs ${missing}, not found by pkg-config")
        endif()
        message(NOTICE "-- Plugin ${name} is left out: ${missing} not found by pkg-config")
        set_property(GLOBAL APPEND PROPERTY ESPALIER_PLUGINS_LEFT_OUT ${name})
        return()
    endif()

    add_library(${arg_TARGET} MODULE ${arg_SOURCES})
    set_target_properties(${arg_TARGET} PROPERTIES
        PREFIX "" OUTPUT_NAME ${name} SUFFIX .so
        LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY}
        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        LINK_DEPENDS ${ESPALIER_PLUGIN_MAP})
    target_compile_definitions(${arg_TARGET} PRIVATE ${arg_DEFINITIONS})
    target_link_libraries(${arg_TARGET} PRIVATE Espalier::sdk ${arg_LIBRARIES} ${packages} m)
    target_link_options(${arg_TARGET} PRIVATE "LINKER:--version-script=${ESPALIER_PLUGIN_MAP}")
    # A name that nothing defines is an error now, not when the host loads the plugin; only a
    # sanitizer's names come from the program.
    set(flags "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}")
    if(NOT ESPALIER_SANITIZE AND NOT flags MATCHES "-fsanitize=")
        target_link_options(${arg_TARGET} PRIVATE LINKER:-z,defs)
    endif()
endfunction()
