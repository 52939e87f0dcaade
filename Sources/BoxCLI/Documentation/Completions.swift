/// Completions for three shells, made from the commands' own declarations.
package enum Completions {
    /// File names with their texts.
    package static func all() -> [(name: String, text: String)] {
        let pages = VerbPage.all()
        return [("box.bash", bash(pages)), ("box.zsh", zsh(pages)), ("box.fish", fish(pages))]
    }

    private static let containers = "box ps -a --format '{{.Names}}' 2>/dev/null"
    private static let images = "box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null"

    private static func words(_ pages: [VerbPage]) -> [String] {
        var seen: Set<String> = []
        let names: [String] = pages.flatMap { page in [page.name] + page.synonyms }
        return names.map { name in String(name.prefix { $0 != " " }) }.filter { seen.insert($0).inserted }
    }

    private static func nouns(_ pages: [VerbPage]) -> [(noun: String, verbs: [String])] {
        var groups: [(noun: String, verbs: [String])] = []
        for name in pages.flatMap({ [$0.name] + $0.synonyms }) {
            let parts = name.split(separator: " ").map(String.init)
            guard parts.count == 2 else { continue }
            if let index = groups.firstIndex(where: { $0.noun == parts[0] }) {
                groups[index].verbs.append(parts[1])
            } else {
                groups.append((parts[0], [parts[1]]))
            }
        }
        return groups
    }

    private static func bash(_ pages: [VerbPage]) -> String {
        var text = """
            # bash completion for box
            _box() {
                local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} flags= names=
                COMPREPLY=()
                if [ "$COMP_CWORD" -eq 1 ]; then
                    COMPREPLY=($(compgen -W '\(words(pages).joined(separator: " "))' -- "$current"))
                    return
                fi
                case $verb in

            """
        for (noun, verbs) in nouns(pages) {
            text += "    \(noun))\n        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
            text += "            COMPREPLY=($(compgen -W '\(verbs.joined(separator: " "))' -- \"$current\"))\n"
            text += "            return\n        fi\n        verb=\"$verb ${COMP_WORDS[2]}\" ;;\n"
        }
        text += "    esac\n    case $verb in\n"
        for page in pages {
            let names = ([page.name] + page.synonyms).map { "'\($0)'" }.joined(separator: " | ")
            text += "    \(names))\n        flags='\(page.flags.flatMap(\.names).joined(separator: " "))'\n"
            if let kind = page.completes { text += "        names=\(kind)\n" }
            text += "        ;;\n"
        }
        text += """
                esac
                if [[ $current == -* ]]; then
                    COMPREPLY=($(compgen -W "$flags" -- "$current"))
                    return
                fi
                case $names in
                containers) COMPREPLY=($(compgen -W "$(\(containers))" -- "$current")) ;;
                images) COMPREPLY=($(compgen -W "$(\(images))" -- "$current")) ;;
                *) COMPREPLY=($(compgen -f -- "$current")) ;;
                esac
            }
            complete -F _box box

            """
        return text
    }

    private static func zsh(_ pages: [VerbPage]) -> String {
        func quoted(_ text: String) -> String {
            text.replacing("'", with: "'\\''").replacing("[", with: "\\[").replacing("]", with: "\\]").replacing(
                ":", with: "\\:")
        }
        var text =
            "#compdef box\n\n_box() {\n  local verb=$words[2]\n  if (( CURRENT == 2 )); then\n    local -a verbs=(\n"
        for page in pages where !page.name.contains(" ") { text += "      '\(page.name):\(quoted(page.summary))'\n" }
        for (noun, _) in nouns(pages) { text += "      '\(noun):Commands of \(noun)s'\n" }
        text += "    )\n    _describe command verbs\n    return\n  fi\n  case $verb in\n"
        for (noun, verbs) in nouns(pages) {
            text +=
                "  \(noun))\n    if (( CURRENT == 3 )); then\n      compadd \(verbs.joined(separator: " "))\n      return\n    fi\n"
            text += "    verb=\"$verb $words[3]\" ;;\n"
        }
        text += "  esac\n  case $verb in\n"
        for page in pages {
            text +=
                "  \(([page.name] + page.synonyms).map { "'\($0)'" }.joined(separator: "|")))\n    _arguments -S \\\n"
            for flag in page.flags {
                for name in flag.names {
                    text +=
                        "      '*\(name)[\(quoted(flag.text))]\(flag.valueName.map { ":\(quoted($0)):" } ?? "")' \\\n"
                }
            }
            switch page.completes {
            case "containers": text += "      \"*:container:($(\(containers)))\" ;;\n"
            case "images": text += "      \"*:image:($(\(images)))\" ;;\n"
            default: text += "      '*:file:_files' ;;\n"
            }
        }
        return text + "  esac\n}\n\n_box \"$@\"\n"
    }

    private static func fish(_ pages: [VerbPage]) -> String {
        func quoted(_ text: String) -> String {
            "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        }
        var text = "# fish completion for box\ncomplete -c box -f\n"
        for page in pages where !page.name.contains(" ") {
            text += "complete -c box -n __fish_use_subcommand -a \(page.name) -d \(quoted(page.summary))\n"
        }
        for (noun, verbs) in nouns(pages) {
            text += "complete -c box -n __fish_use_subcommand -a \(noun) -d \(quoted("Commands of \(noun)s"))\n"
            text += "complete -c box -n '__fish_seen_subcommand_from \(noun)' -a '\(verbs.joined(separator: " "))'\n"
        }
        for page in pages {
            let seen = page.name.split(separator: " ").map { "__fish_seen_subcommand_from \($0)" }.joined(
                separator: "; and ")
            for flag in page.flags {
                let names = flag.names.map { $0.hasPrefix("--") ? "-l \($0.dropFirst(2))" : "-s \($0.dropFirst())" }
                text +=
                    "complete -c box -n '\(seen)' \(names.joined(separator: " "))\(flag.valueName == nil ? "" : " -r") "
                text += "-d \(quoted(flag.text))\n"
            }
            if let kind = page.completes {
                text += "complete -c box -n '\(seen)' -a \"(\(kind == "images" ? images : containers))\"\n"
            }
        }
        return text
    }
}
