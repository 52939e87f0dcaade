/// Text whose cells end in tabs, as columns: docker's layout of at least ten cells and three spaces between columns.
package func tableLayout(_ text: String) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false).map { TableCell(String($0)) }
    }
    let endsInNewline = text.utf8.last == UInt8(ascii: "\n")
    if endsInNewline { lines.removeLast() }
    alignColumn(0, of: &lines, in: lines.indices)
    let laidOut = lines.map { line in line.map(\.text).joined() }.joined(separator: "\n")
    return endsInNewline ? laidOut + "\n" : laidOut
}

private let minimumWidth = 10
private let padding = 3

private struct TableCell {
    var text: String
    let width: Int

    init(_ text: String) {
        self.text = text
        width = displayWidth(text)
    }
}

/// Pads one column; it reaches over the neighbouring lines that have it, and what follows the last tab is no cell.
private func alignColumn(_ column: Int, of lines: inout [[TableCell]], in range: Range<Int>) {
    var start = range.lowerBound
    while start < range.upperBound {
        guard lines[start].count > column + 1 else {
            start += 1
            continue
        }
        var end = start
        var width = minimumWidth
        while end < range.upperBound, lines[end].count > column + 1 {
            width = max(width, lines[end][column].width + padding)
            end += 1
        }
        for line in start..<end {
            lines[line][column].text += String(repeating: " ", count: width - lines[line][column].width)
        }
        alignColumn(column + 1, of: &lines, in: start..<end)
        start = end
    }
}
