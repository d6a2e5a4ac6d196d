/// What was read of a mapping, defaults included: the configuration in force.
///
/// `Fields` writes it while it reads, so it shows exactly what the loader understood and nothing
/// has to be listed a second time. A class, because it grows while its parent already holds it.
package final class Outline {
    /// What stands under a key.
    enum Item {
        case node(YAMLNode)
        case mapping(Outline)
        case list([Outline])
    }

    private(set) var items: [(key: String, item: Item)] = []
    private let mark: Mark
    private let keys: [String]

    /// Begins an empty outline of a mapping that may have the keys.
    init(at mark: Mark, keys: [String]) {
        self.mark = mark
        self.keys = keys
    }

    func note(_ key: String, _ item: Item) {
        if let index = items.firstIndex(where: { $0.key == key }) {
            items[index].item = item
        } else {
            items.append((key, item))
        }
    }

    /// The outline as a tree, in the order in which the keys are documented.
    package var node: YAMLNode {
        let entries = keys.compactMap { key in
            items.first { $0.key == key }.map {
                YAMLNode.Entry(key: key, mark: mark, value: value(of: $0.item))
            }
        }
        return YAMLNode(.mapping(entries), at: mark)
    }

    private func value(of item: Item) -> YAMLNode {
        switch item {
        case .node(let node): node
        case .mapping(let outline): outline.node
        case .list(let outlines): YAMLNode(.sequence(outlines.map(\.node)), at: mark)
        }
    }
}
