internal import BoxImages
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

/// Images as rows of `images`.
struct ImageTable {
    let truncates: Bool
    let showsDigests: Bool
    let containers: [ContainerSummary]
    let now = SystemClock.now

    static let headers = [
        "ID": "IMAGE ID", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "SharedSize": "SHARED SIZE",
        "UniqueSize": "UNIQUE SIZE", "VirtualSize": "SIZE",
    ]

    var columns: String {
        #"{{.Repository}}\t{{.Tag}}\t"# + (showsDigests ? #"{{.Digest}}\t"# : "")
            + #"{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"#
    }

    func record(_ record: ImageRecord, _ image: ImagePlatform) -> TemplateRecord {
        let isDangling = record.reference.tag == nil && record.repositoryDigests.isEmpty
        let size = HumanText.size(image.size)
        let used = containers.count { $0.imageID == image.imageID }
        let never = image.created == .never
        return TemplateRecord([
            .init("Containers", "\(used)"),
            .init(
                "CreatedAt", never ? "N/A" : TimeText.createdAt(image.created.nanoseconds, zone: SystemClock.localZone)),
            .init(
                "CreatedSince",
                never ? "N/A" : HumanText.duration(nanoseconds: now - image.created.nanoseconds) + " ago"),
            .init("Digest", record.repositoryDigests.isEmpty ? "<none>" : "\(record.target.digest)"),
            .init("ID", truncates ? image.imageID.short : "\(image.imageID)"),
            .init("Repository", isDangling ? "<none>" : record.reference.familiarName),
            .init("SharedSize", "N/A"),
            .init("Size", size),
            .init("Tag", record.reference.tag ?? "<none>"),
            .init("UniqueSize", "N/A"),
            .init("VirtualSize", size),
        ])
    }
}
