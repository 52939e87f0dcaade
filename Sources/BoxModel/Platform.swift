/// An operating system, processor architecture and its variant, as image indexes name them.
package struct Platform: Hashable, Sendable, Codable {
    package var os: String
    package var architecture: String
    package var variant: String?

    package init(os: String, architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// Parses `os/arch[/variant]` or `arch` alone, with the spellings that containerd normalises.
    package init?(_ text: String) {
        let parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count),
            parts.allSatisfy({ part in
                !part.isEmpty
                    && part.utf8.allSatisfy { $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
            })
        else { return nil }
        if parts.count == 1 {
            if parts[0] == "linux" {
                self = .current
            } else {
                self.init(os: "linux", architecture: parts[0], variant: nil)
            }
        } else {
            self.init(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
        }
        normalise()
    }

    /// Whether there are machines of this kind, as far as Go's and containerd's lists go.
    package var isKnown: Bool {
        ["linux", "windows", "darwin", "freebsd", "wasi"].contains(os)
            && [
                "386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le",
                "riscv64", "s390x", "wasm",
            ].contains(architecture)
    }

    /// Whether its parts are words; what a registry sends need not be.
    package var isValid: Bool { Platform(description) != nil }

    private mutating func normalise() {
        switch architecture {
        case "x86_64", "x86-64": architecture = "amd64"
        case "i386", "i686": architecture = "386"
        case "aarch64": architecture = "arm64"
        case "armhf": (architecture, variant) = ("arm", "v7")
        case "armel": (architecture, variant) = ("arm", "v6")
        default: break
        }
        if architecture == "arm64" && (variant == "v8" || variant == "8") { variant = nil }
        if architecture == "amd64" && variant == "v1" { variant = nil }
        if architecture == "arm", let number = variant, Int(number) != nil { variant = "v\(number)" }
    }

    /// The platform this program was built for.
    package static var current: Platform {
        #if arch(x86_64)
            Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
            Platform(os: "linux", architecture: "arm64")
        #else
            #error("box is not ported to this architecture yet")
        #endif
    }

    /// How well an offered platform serves this wish: nil not at all, else the smaller the better.
    ///
    /// A wish for `arm/v7` is also served by v6 and v5, a wish without variant by any (containerd's rules).
    package func distance(to offered: Platform) -> Int? {
        var wish = self
        var offer = offered
        wish.normalise()
        offer.normalise()
        guard wish.os == offer.os, wish.architecture == offer.architecture else { return nil }
        if wish.variant == offer.variant { return 0 }
        if wish.architecture == "arm" {
            let level: (String?) -> Int = { Int(($0 ?? "v7").dropFirst()) ?? 7 }
            let difference = level(wish.variant) - level(offer.variant)
            return difference >= 0 ? difference : nil
        }
        // An amd64 machine without a stated level runs the baseline only.
        return offer.variant == nil || wish.variant == nil && wish.architecture != "amd64" ? 1 : nil
    }
}

extension Platform: CustomStringConvertible {
    package var description: String {
        variant.map { "\(os)/\(architecture)/\($0)" } ?? "\(os)/\(architecture)"
    }
}

extension UInt8 {
    /// A lower- or upper-case letter, digit or underscore of ASCII.
    package var isWordByte: Bool { isAlphanumericByte || self == UInt8(ascii: "_") }

    package var isAlphanumericByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
