/// The traits and properties that conditions ask for; their positions are what rules carry.
///
/// A class, because all flows of a configuration write into the same one.
final class AttributeTable {
    /// An event carries the number of its attributes in one byte.
    static let max = 255

    /// Paths from the event's root, such as `traits.tier`, in the order of the asking.
    private(set) var paths: [String] = []

    /// Whether each is a trait of the profile.
    var isTrait: [Bool] { paths.map { $0.hasPrefix("traits.") } }

    /// The position of a path, or nil if there are too many.
    func index(of path: String) -> UInt16? {
        if let index = paths.firstIndex(of: path) { return UInt16(index) }
        guard paths.count < AttributeTable.max else { return nil }
        paths.append(path)
        return UInt16(paths.count - 1)
    }
}
