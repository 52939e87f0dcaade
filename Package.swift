// swift-tools-version: 6.1
import PackageDescription

// `make build` sets BOX_STATIC: the released program is one fully static executable, which starts in half the
// time of a dynamic one and runs on any distribution. Debug builds and tests stay dynamic.
let isStatic = Context.environment["BOX_STATIC"] != nil

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-warnings-as-errors"]),
]

// Debian's static libarchive and libseccomp do not name what they need themselves.
let staticLibraries: [LinkerSetting] =
    isStatic
    ? [
        .unsafeFlags(["-static-executable"]), .linkedLibrary("zstd"), .linkedLibrary("z"), .linkedLibrary("acl"),
        .linkedLibrary("lzma"), .linkedLibrary("bz2"),
    ]
    : []

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// One room of the house: a module with its own test target.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "box",
    products: [.executable(name: "box", targets: ["box"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    ],
    targets: [
        // Layer 0: what Swift cannot spell.
        .target(name: "CBoxSys", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CSeccomp", providers: [.apt(["libseccomp-dev"])]),

        // Layer 1: tools.
        room("BoxSystem", ["CBoxSys", system]),

        // Layer 2: words.
        room("BoxModel", ["BoxSystem", system]),
        room("BoxTemplate", ["BoxModel"]),

        // Layer 3: skills.
        room("BoxArchive", ["CArchive", "CBoxSys", "BoxSystem", "BoxModel", crypto, system]),
        room("BoxStore", ["BoxSystem", "BoxModel", crypto, system]),
        room(
            "BoxRegistry",
            [
                "BoxSystem", "BoxModel", crypto, system, logging,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        room("BoxRuntime", ["CBoxSys", "CSeccomp", "BoxSystem", "BoxModel", system]),
        room("BoxNetwork", ["CBoxSys", "BoxSystem", "BoxModel", system]),

        // Layer 4: use cases.
        room("BoxImages", ["BoxSystem", "BoxModel", "BoxArchive", "BoxStore", "BoxRegistry", logging, system]),
        room(
            "BoxContainers",
            ["CBoxSys", "BoxSystem", "BoxModel", "BoxStore", "BoxRuntime", "BoxNetwork", logging, system]),

        // Layer 5: faces.
        room(
            "BoxCLI",
            [
                "BoxSystem", "BoxModel", "BoxTemplate", "BoxStore", "BoxRegistry", "BoxRuntime", "BoxNetwork",
                "BoxImages", "BoxContainers",
                argumentParser, system, logging,
            ]),
        .executableTarget(
            name: "box", dependencies: ["BoxSystem", "BoxContainers", "BoxCLI"], exclude: ["README.md"],
            swiftSettings: strict, linkerSettings: staticLibraries),
        // Makes man pages and completions out of the commands' declarations.
        .executableTarget(
            name: "box-docs", dependencies: ["BoxSystem", "BoxModel", "BoxCLI", argumentParser], exclude: ["README.md"],
            swiftSettings: strict),

        tests("BoxSystemTests", ["BoxSystem", "CBoxSys", system]),
        tests("BoxModelTests", ["BoxModel", "BoxSystem"]),
        tests("BoxTemplateTests", ["BoxTemplate", "BoxModel"]),
        tests("BoxArchiveTests", ["BoxArchive", "BoxSystem", "BoxModel", "CBoxSys"]),
        tests("BoxStoreTests", ["BoxStore", "BoxSystem", "BoxModel", "CBoxSys", system]),
        tests(
            "BoxRegistryTests",
            [
                "BoxRegistry", "BoxSystem", "BoxModel", crypto, system,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        tests(
            "BoxRuntimeTests", ["BoxRuntime", "BoxSystem", "BoxModel", "CBoxSys", "CSeccomp", "runtime-probe", system]),
        tests("BoxNetworkTests", ["BoxNetwork", "BoxModel", "BoxSystem", "CBoxSys", system]),
        tests("BoxContainersTests", ["BoxContainers", "BoxRuntime", "BoxStore", "BoxModel", "BoxSystem"]),
        tests("BoxCLITests", ["BoxCLI", "BoxContainers", "BoxTemplate", "BoxModel", "BoxSystem", argumentParser]),
        tests("EndToEndTests", ["CBoxSys", crypto]),
        // Plays the monitor for tests of the runtime, which must never fork inside the test process.
        .executableTarget(
            name: "runtime-probe", dependencies: ["BoxRuntime", "BoxModel", "BoxSystem"], path: "Tests/RuntimeProbe",
            swiftSettings: strict),
    ]
)
