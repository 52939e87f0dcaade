import Foundation
import Synchronization

/// Images of real parts, made once per test run; the Debian root once per machine.
enum Images {
    /// A tar archive of a root file system with busybox under all its names, written by GNU tar.
    static let busyboxArchive = made {
        let root = Scope.shared.path("busybox-root")
        try Command.shell(
            """
            mkdir -p "$1"/{bin,etc,root,tmp,home/dev,var/tmp}
            chmod 1777 "$1/tmp" "$1/var/tmp"; chmod 700 "$1/root"
            busybox=$(command -v busybox)
            cp "$busybox" "$1/bin/busybox"
            for applet in $("$busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"; done
            printf 'root:x:0:0:root:/root:/bin/sh\\ndev:x:1000:1000:dev:/home/dev:/bin/sh\\nnobody:x:65534:65534:nobody:/:/bin/false\\n' >"$1/etc/passwd"
            printf 'root:x:0:\\nwheel:x:10:dev\\naudio:x:29:dev\\ndev:x:1000:\\nnogroup:x:65534:\\n' >"$1/etc/group"
            tar -C "$1" --sort=name --mtime=@1700000000 --numeric-owner --owner 0 --group 0 -cf "$1.tar" .
            """, root)
        return root + ".tar"
    }

    /// An OCI layout that holds busybox as `:latest`, written here.
    static let busyboxLayout = made {
        let layer = try HandMadeLayer(readFile(try busyboxArchive.get()), .gzip)
        let layout = Scope.shared.path("busybox-oci")
        try busybox([layer]).write(to: layout)
        return layout
    }

    /// A registry with these images, each `:latest`: `busybox`, `busybox-zstd`, `busybox-plain` (OCI, layer gzip, zstd,
    /// none), `busybox-docker` (Docker schema 2), `twelve` (12 layers), `multi` (an index of two platforms).
    static let registry = Result {
        let registry = try Registry.start(in: Scope.shared)
        try registry.copy("oci:\(try busyboxLayout.get()):latest", "@/busybox:latest")
        try registry.copy("oci:\(try busyboxLayout.get()):latest", "@/busybox-docker:latest", "--format", "v2s2")
        let archive = try readFile(try busyboxArchive.get())
        for compression in [HandMadeLayer.Compression.zstd, .none] {
            let name = compression == .zstd ? "busybox-zstd" : "busybox-plain"
            try push(busybox([try HandMadeLayer(archive, compression)]), to: registry, name)
        }
        var layers = [try HandMadeLayer(archive, .gzip)]
        for number in 1..<12 {
            layers.append(
                try HandMadeLayer(.gzip) {
                    $0.directory("layers")
                    $0.file("layers/\(number)", "\(number)\n")
                    $0.file("layers/newest", "\(number)\n")
                    if number > 1 { $0.whiteout("layers/\(number - 1)") }
                })
        }
        try push(busybox(layers), to: registry, "twelve")
        let native = try busybox([layers[0]])
        let foreign = try busybox([layers[0]], architecture: HandMadeImage.machine == "amd64" ? "arm64" : "amd64")
        let index = try HandMadeImage(index: [
            ("linux/\(HandMadeImage.machine)", native),
            ("linux/\(HandMadeImage.machine == "amd64" ? "arm64/v8" : "amd64")", foreign),
        ])
        try push(index, to: registry, "multi", "--all")
        return registry
    }

    /// The name in ``registry`` under which podman pushed an image that it had imported.
    static let pushedByPodman = Result {
        let registry = try Images.registry.get()
        try Command.shell(
            """
            podman() { command podman --root "$1/root" --runroot "$1/run" --tmpdir "$1/tmp" "${@:2}"; }
            trap 'umount "$1/root/overlay" 2>/dev/null || true' EXIT
            podman "$1" import --change 'CMD ["/bin/sh"]' --change 'ENV MADE_BY=podman' "$2" "$3"
            podman "$1" push --tls-verify=false "$3"
            """, Scope.shared.path("podman"), try busyboxArchive.get(), "\(registry.host)/by-podman:latest",
            timeout: .seconds(180))
        return "\(registry.host)/by-podman:latest"
    }

    /// The name in ``registry`` of an image with a whole Debian root in one layer.
    static let debian = Result {
        let registry = try Images.registry.get()
        let layout = Scope.shared.path("debian-oci")
        try HandMadeImage(
            [try HandMadeLayer(readFile(try debianArchive.get()), .gzip)],
            config: ["Cmd": ["bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]]
        ).write(to: layout)
        try registry.copy("oci:\(layout):latest", "@/debian:latest")
        return "\(registry.host)/debian:latest"
    }

    /// A tar archive of a minimal Debian, kept in the user's cache since it takes a minute and a mirror to make.
    static let debianArchive = made {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/root")/.cache"
        let archive = "\(cache)/box-tests/debian-bookworm.tar"
        // Of several test runs at once, one makes it and the others wait (flock(1)).
        try Command.shell(
            """
            mkdir -p "$(dirname "$1")"
            exec 9>"$1.lock"; flock 9
            [ -e "$1" ] && exit
            mmdebstrap --quiet --mode=root --variant=minbase bookworm "$1.part.tar" </dev/null
            mv "$1.part.tar" "$1"
            """, archive, timeout: .seconds(600))
        return archive
    }

    /// A full name in ``registry``.
    static func name(_ repository: String) throws -> String {
        "\(try registry.get().host)/\(repository):latest"
    }

    /// An image of layers whose first is busybox.
    static func busybox(_ layers: [HandMadeLayer], architecture: String = HandMadeImage.machine) throws -> HandMadeImage
    {
        try HandMadeImage(
            layers,
            config: ["Cmd": ["/bin/sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]],
            architecture: architecture)
    }

    /// Pushes a hand-made image with skopeo.
    static func push(_ image: HandMadeImage, to registry: Registry, _ name: String, _ flags: String...) throws {
        try Scope.use { scope in
            try image.write(to: scope.path("layout"))
            var arguments =
                ["copy", "--quiet", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false"] + flags
            arguments += ["oci:\(scope.path("layout")):latest", "docker://\(registry.host)/\(name):latest"]
            try Command("skopeo", arguments, timeout: .seconds(180)).run().succeeded()
        }
    }

    private static func made(_ make: () throws -> String) -> Result<String, any Error> {
        Result { try make() }
    }
}
