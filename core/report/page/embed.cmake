# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C source with the files FILES (a list) as arrays of bytes: the table TABLE of structs
# TYPE {name, bytes, size} that HEADER declares, ended by a NULL name. A name is the file's without its
# folder; with ROOT, the path from there.
set(text "// Written by embed.cmake.\n#include \"${HEADER}\"\n\n")
set(rows)
set(number 0)
foreach(file IN LISTS FILES)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    if(ROOT)
        file(RELATIVE_PATH name ${ROOT} ${file})
    else()
        cmake_path(GET file FILENAME name)
    endif()
    string(APPEND text "static const unsigned char asset_${number}[] = {${bytes}0};\n")
    string(APPEND rows "    {\"${name}\", asset_${number}, sizeof asset_${number} - 1},\n")
    math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "\nconst struct ${TYPE} ${TABLE}[] = {\n${rows}    {0, 0, 0}};\n")
file(WRITE ${OUTPUT} "${text}")
