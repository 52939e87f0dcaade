/// The known name that was most likely meant, or nothing if none is near; upper and lower case are the same here.
///
/// The measure is the number of letters inserted, left out, changed or swapped with their neighbour.
package func nearest(to name: String, in candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased().utf8)
    // Two mistakes in a long name are likely, in a short one they are another name.
    let limit = min(max(1, wanted.count / 3), 3)
    var best: (name: String, distance: Int)?
    var prefixed: String?
    for candidate in candidates {
        let bytes = Array(candidate.lowercased().utf8)
        if wanted.count >= 3, prefixed == nil, bytes.starts(with: wanted) { prefixed = candidate }
        guard abs(bytes.count - wanted.count) <= limit else { continue }
        let distance = editDistance(wanted, bytes)
        guard distance <= limit else { continue }
        // Letters are left out more often than added, so of two names as near the longer one is it.
        if let present = best, (present.distance, -present.name.utf8.count) <= (distance, -bytes.count) { continue }
        best = (candidate, distance)
    }
    return best?.name ?? prefixed
}

private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in 0..<left.count {
        var current = [row + 1]
        for column in 0..<right.count {
            let change = last[column] + (left[row] == right[column] ? 0 : 1)
            var cost = min(change, last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                cost = min(cost, beforeLast[column - 1] + 1)
            }
            current.append(cost)
        }
        (beforeLast, last) = (last, current)
    }
    return last[right.count]
}
