# SPDX-License-Identifier: Apache-2.0
# Bash completion for espalier. Commands and options are those that the program's own help names, plugins
# those that it finds: nothing here is to be kept in step.

_espalier_words()
{
    COMPREPLY+=($(compgen -W "$1" -- "$current"))
}

# Files that end so, and the folders on the way to them.
_espalier_files()
{
    local IFS=$'\n'
    COMPREPLY+=($(compgen -f -X "!*.$1" -- "$current") $(compgen -d -S / -- "$current"))
    compopt -o nospace 2>/dev/null
}

_espalier_commands()
{
    "$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

_espalier_options()
{
    "$program" "$1" --help 2>/dev/null | sed -n 's/^  \(--\{0,1\}[a-z][a-z-]*\).*/\1/p'
}

# Does the option take a value? Its line of the help names it in capitals.
_espalier_takes_value()
{
    "$program" "$1" --help 2>/dev/null | grep -q -- "^  $2 [A-Z]"
}

# "kind/id" of every plugin, or of one kind the ids.
_espalier_plugins()
{
    "$program" list ${1-} --json 2>/dev/null |
        sed -n 's/^ *"kind": "\([a-z]*\)".*/\1/p; s/^ *"id": "\([^"]*\)".*/\1/p' |
        paste -d / - - | { if [ -n "${1-}" ]; then sed 's|.*/||'; else cat; fi; }
}

_espalier_value()
{
    case $1 in
    --out | --plugins) _espalier_files / ;;
    --weights) _espalier_files safetensors ;;
    --language) _espalier_words "c c++" ;;
    --format) _espalier_words "onnx safetensors torch json dot cells" ;;
    --set)
        local section=${current%%.*}
        case $current in
        space.plugin=* | strategy.plugin=* | estimator.plugin=* | dataset.plugin=* | engine.plugin=*)
            # Readline takes `=` for the end of a word.
            current=${current#*=}
            _espalier_words "$(_espalier_plugins "$section")"
            ;;
        *)
            _espalier_words "space.plugin= strategy.plugin= estimator.plugin= dataset.plugin= \
                engine.plugin= experiment.seed= budget.trials= run.workers="
            compopt -o nospace 2>/dev/null
            ;;
        esac
        ;;
    *) COMPREPLY+=($(compgen -f -- "$current")) ;;
    esac
}

_espalier_argument()
{
    case $1 in
    run | sweep | arch | eval | bench) _espalier_files ini ;;
    results | report) _espalier_files csv ;;
    show | export | train)
        if [ "$2" = 0 ]; then _espalier_files /; else _espalier_words best; fi
        ;;
    describe) _espalier_words "$(_espalier_plugins)" ;;
    list) _espalier_words "space strategy estimator dataset engine executor" ;;
    new) [ "$2" != 0 ] || _espalier_words "space strategy estimator dataset engine executor" ;;
    inspect | check)
        _espalier_files so
        local IFS=$'\n'
        COMPREPLY+=($(compgen -f -X '!*.plugin.ini' -- "$current"))
        ;;
    *) COMPREPLY+=($(compgen -f -- "$current")) ;;
    esac
}

_espalier()
{
    local program=${COMP_WORDS[0]} command= previous= place=0 i word
    local line=${COMP_LINE:0:COMP_POINT}
    local current=${line##* }
    COMPREPLY=()
    # What stands before the word that is being written.
    local words=(${line%"$current"})
    for ((i = 1; i < ${#words[@]}; i++)); do
        word=${words[i]}
        if [ -n "$previous" ]; then
            previous=
        elif [ -z "$command" ]; then
            case $word in
            --plugins) previous=--plugins ;;
            -*) ;;
            *) command=$word ;;
            esac
        elif [[ $word == -* ]]; then
            if [[ $word != *=* ]] && _espalier_takes_value "$command" "$word"; then
                previous=$word
            fi
        else
            place=$((place + 1))
        fi
    done
    if [ -n "$previous" ]; then
        _espalier_value "$previous"
    elif [ -z "$command" ]; then
        _espalier_words "$(_espalier_commands) --help --version --plugins"
    elif [[ $current == --*=* ]]; then
        local option=${current%%=*}
        current=${current#*=}
        _espalier_value "$option"
    elif [[ $current == -* ]]; then
        _espalier_words "$(_espalier_options "$command")"
    else
        _espalier_argument "$command" "$place"
    fi
}

complete -F _espalier espalier
