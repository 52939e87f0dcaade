/// The manual pages, made from the commands' own declarations (man(7)).
package enum ManPages {
    /// File names with their texts.
    package static func all() -> [(name: String, text: String)] {
        let pages = VerbPage.all()
        return [("box.1", overview(pages))]
            + pages.map { ("box-\($0.name.split(separator: " ").joined(separator: "-")).1", text($0)) }
    }

    private static func header(_ title: String, _ summary: String) -> String {
        """
        .TH \(title.uppercased()) 1 "" "box \(Program.version)" "box"
        .SH NAME
        \(title) \\- \(escaped(summary.prefix(1).lowercased() + summary.dropFirst()))

        """
    }

    private static func overview(_ pages: [VerbPage]) -> String {
        var text = header("box", "Run containers without a daemon")
        text += ".SH SYNOPSIS\n.B box\n[\\fIglobal flags\\fR] \\fIcommand\\fR [\\fIflags\\fR] [\\fIarguments\\fR]\n"
        text +=
            ".SH DESCRIPTION\nbox pulls images, runs them in containers and lists both, as docker does and with the same\n"
        text += "commands, flags and exit statuses, but without a daemon.\n.SH COMMANDS\n"
        for page in pages {
            text += ".TP\n.B \(escaped(page.name))\n\(escaped(page.summary)). See \\fBbox\\-"
            text += "\(escaped(page.name.split(separator: " ").joined(separator: "-")))\\fR(1).\n"
        }
        text += ".SH GLOBAL FLAGS\n"
        for (flag, words) in [
            ("--root DIR", "Where images and containers are kept."),
            ("--state DIR", "Where the state of running containers is kept."),
            ("-D, --debug", "Tell what is decided, on standard error."),
            ("-l, --log-level LEVEL", "trace, debug, info, notice, warning, error or critical."),
            ("-v, --version", "Print the version."), ("-h, --help", "Print all commands."),
        ] { text += ".TP\n.B \(escaped(flag))\n\(escaped(words))\n" }
        text += ".SH ENVIRONMENT\n"
        for (name, words) in [
            ("BOX_ROOT", "The same as --root."), ("BOX_STATE", "The same as --state."),
            ("BOX_LOG", "The same as --log-level."),
            ("BOX_DEFAULT_REGISTRY", "The registry of names without one."),
            ("BOX_REGISTRY_MIRRORS", "Mirrors, separated by commas."),
            ("BOX_INSECURE_REGISTRIES", "Registries that may be spoken to without TLS, separated by commas."),
            ("DOCKER_CONFIG", "The folder of config.json with credentials and credential helpers."),
            ("HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY", "Proxies of registries."),
        ] { text += ".TP\n.B \(escaped(name))\n\(escaped(words))\n" }
        text +=
            ".SH EXIT STATUS\nThat of the container's program; 125 where box failed before it ran, 126 where it cannot be\n"
        text += "executed, 127 where it was not found, 128+n for death by signal n. Other commands end with 0 or 1.\n"
        return text
    }

    private static func text(_ page: VerbPage) -> String {
        var text = header("box-\(page.name.split(separator: " ").joined(separator: "-"))", page.summary)
        text += ".SH SYNOPSIS\n\\fB\(escaped(page.usage))\\fR\n.SH DESCRIPTION\n\(escaped(page.summary)).\n"
        if !page.synonyms.isEmpty {
            text += "The same as \(page.synonyms.map { "\\fBbox \(escaped($0))\\fR" }.joined(separator: ", ")).\n"
        }
        if !page.flags.isEmpty { text += ".SH FLAGS\n" }
        for flag in page.flags {
            let value = flag.valueName.map { " \\fI\(escaped($0))\\fR" } ?? ""
            text +=
                ".TP\n\(flag.names.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", "))\(value)\n\(escaped(flag.text))\n"
        }
        return text + ".SH SEE ALSO\n\\fBbox\\fR(1)\n"
    }

    /// Keeps dashes from becoming hyphens and leading dots from becoming requests (groff_man_style(7)).
    private static func escaped(_ text: some StringProtocol) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "." where result.isEmpty, "'" where result.isEmpty: result += "\\&" + String(character)
            default: result.append(character)
            }
        }
        return result
    }
}
