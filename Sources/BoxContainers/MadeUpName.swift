internal import BoxModel
internal import BoxSystem

/// Names for containers that nobody named.
enum MadeUpName {
    private static let qualities = [
        "agile", "amber", "ample", "bold", "brave", "brisk", "calm", "candid", "clear", "clever", "cosy", "crisp",
        "curious", "deft", "eager", "early", "fair", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden",
        "grand", "happy", "hardy", "honest", "humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "mellow",
        "merry", "mild", "modest", "neat", "nimble", "noble", "patient", "plain", "polite", "proud", "quick", "quiet",
        "ready", "robust", "serene", "sharp", "silent", "simple", "sleek", "solid", "steady", "sturdy", "sunny",
        "swift",
        "tidy", "vivid", "warm", "witty",
    ]
    private static let things = [
        "anchor", "barge", "barrel", "basket", "beacon", "bin", "bottle", "bowl", "brig", "bucket", "buoy", "cabin",
        "canoe", "carton", "case", "cask", "casket", "chest", "clipper", "coffer", "cradle", "crate", "creel", "cutter",
        "dinghy", "dock", "drum", "ferry", "flask", "frigate", "galley", "hamper", "harbour", "hatch", "helm", "hold",
        "hull", "jar", "keel", "ketch", "kettle", "lantern", "lighter", "locker", "lugger", "mast", "packet", "pail",
        "pallet", "parcel", "pier", "pouch", "pram", "quay", "raft", "rudder", "satchel", "schooner", "skiff", "sloop",
        "tender", "trawler", "trunk", "yawl",
    ]

    /// - Parameter numbered: adds a number, for when plain names keep being taken.
    static func make(numbered: Bool) throws(BoxFailure) -> ContainerName {
        let random = randomBytes(4)
        let name = qualities[Int(random[0]) % qualities.count] + "_" + things[Int(random[1]) % things.count]
        return try ContainerName(numbered ? "\(name)_\(Int(random[2]) << 8 | Int(random[3]))" : name)
    }
}
