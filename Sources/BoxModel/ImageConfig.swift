/// The configuration of an image (image-spec, config.md, with Docker's additions).
package struct ImageConfig: Hashable, Sendable, Codable {
    package var created: String?
    package var author: String?
    package var architecture: String
    package var os: String
    package var variant: String?
    package var config: Execution?
    package var rootfs: RootFS
    package var history: [History]?
    package var comment: String?
    package var dockerVersion: String?

    package init(platform: Platform, rootfs: RootFS) {
        architecture = platform.architecture
        os = platform.os
        variant = platform.variant
        self.rootfs = rootfs
    }

    package var platform: Platform {
        Platform(os: os, architecture: architecture, variant: variant.flatMap { $0.isEmpty ? nil : $0 })
    }

    enum CodingKeys: String, CodingKey {
        case created, author, architecture, os, variant, config, rootfs, history, comment
        case dockerVersion = "docker_version"
    }

    /// How a container of the image runs unless flags say otherwise.
    package struct Execution: Hashable, Sendable, Codable {
        package var user: String?
        package var exposedPorts: [String: Empty]?
        package var environment: [String]?
        package var entrypoint: [String]?
        package var command: [String]?
        package var volumes: [String: Empty]?
        package var workingDirectory: String?
        package var labels: [String: String]?
        package var stopSignal: String?
        package var healthCheck: HealthCheck?
        package var onBuild: [String]?
        package var shell: [String]?

        package init() {}

        enum CodingKeys: String, CodingKey {
            case user = "User"
            case exposedPorts = "ExposedPorts"
            case environment = "Env"
            case entrypoint = "Entrypoint"
            case command = "Cmd"
            case volumes = "Volumes"
            case workingDirectory = "WorkingDir"
            case labels = "Labels"
            case stopSignal = "StopSignal"
            case healthCheck = "Healthcheck"
            case onBuild = "OnBuild"
            case shell = "Shell"
        }
    }

    /// An object without members, as the specification wants them for sets.
    package struct Empty: Hashable, Sendable, Codable {
        package init() {}
    }

    /// Docker's health check; times in nanoseconds.
    package struct HealthCheck: Hashable, Sendable, Codable {
        package var test: [String]?
        package var interval: Int64?
        package var timeout: Int64?
        package var startPeriod: Int64?
        package var startInterval: Int64?
        package var retries: Int?

        enum CodingKeys: String, CodingKey {
            case test = "Test"
            case interval = "Interval"
            case timeout = "Timeout"
            case startPeriod = "StartPeriod"
            case startInterval = "StartInterval"
            case retries = "Retries"
        }
    }

    package struct RootFS: Hashable, Sendable, Codable {
        package var type: String
        package var diffIDs: [DiffID]

        package init(diffIDs: [DiffID]) {
            type = "layers"
            self.diffIDs = diffIDs
        }

        enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }
    }

    package struct History: Hashable, Sendable, Codable {
        package var created: String?
        package var createdBy: String?
        package var author: String?
        package var comment: String?
        package var emptyLayer: Bool?

        package init(created: String?, createdBy: String?, comment: String? = nil, emptyLayer: Bool? = nil) {
            self.created = created
            self.createdBy = createdBy
            self.comment = comment
            self.emptyLayer = emptyLayer
        }

        enum CodingKeys: String, CodingKey {
            case created, author, comment
            case createdBy = "created_by"
            case emptyLayer = "empty_layer"
        }
    }
}
