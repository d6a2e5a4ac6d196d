import Events

// What an event is about: every product of its list, or the one it names itself.

extension RecordDecoding {
    mutating func readProducts(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        let lists = given & (1 << UInt64(CompiledPlan.Group.products)) != 0
        for index in paths.productLists.indices where lists {
            let list = paths.productLists[index]
            let value = slot(list)
            guard value.isGiven else { continue }
            guard value.kind == .array else {
                counters.ignoredFields += 1
                continue
            }
            event.flags.insert(.hasProductList)
            let rows = reader.rowCount(list, set: set)
            let fields = paths.listed[index]
            for row in 0..<rows {
                // A node's slot lies as far from the row's first as the node from the element's.
                let base = reader.rowSlot(list, set: set, row: row, node: 0)
                try add(fields, from: base, needsID: false, to: &event, of: block)
            }
            counters.droppedProducts += max(0, Int(value.text.length) - rows)
            return
        }
        guard given & paths.single.id.group != 0 else { return }
        let base = set * reader.setSize
        try add(paths.single, from: base, needsID: true, to: &event, of: block)
    }

    /// Checks what a price or stock event must have.
    mutating func readCatalogChange(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        guard event.productCount > 0, block[product: Int(event.products)].hash != 0 else {
            throw Rejection(.invalidField, "properties.product_id")
        }
        for index in 0..<Int(event.productCount) {
            let product = block[product: Int(event.products) + index]
            if event.meaning == .productPriceChanged, product.price == Product.unknownPrice {
                throw Rejection(.invalidField, "properties.price")
            }
            if event.meaning == .productStockChanged,
                product.quantity == Product.unknownQuantity
            {
                throw Rejection(.invalidField, "properties.stock")
            }
        }
        readCurrency(into: &event, of: block)
    }

    private mutating func add(
        _ fields: CompiledPlan.ProductPaths,
        from base: Int,
        needsID: Bool,
        to event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        var product = Product()
        let id = try looseText(first(fields.id, from: base), in: block)
        if id.isEmpty {
            if needsID { return }
        } else {
            product.id = id
            product.hash = hash(ofProduct: block.bytes(of: id))
        }
        guard event.productCount < CompiledPlan.productsMax else {
            counters.droppedProducts += 1
            return
        }
        guard productEnd < block.productCapacity else { throw Rejection(.tooLarge) }
        product.name = try looseText(first(fields.name, from: base), in: block)
        product.url = try looseText(first(fields.url, from: base), in: block)
        product.imageURL = try looseText(first(fields.imageURL, from: base), in: block)
        product.price = try price(first(fields.price, from: base), of: block)
        let isStock = event.meaning == .productStockChanged
        let quantity = first(isStock ? fields.stock : fields.quantity, from: base)
        product.quantity = try whole(quantity, isStock: isStock, of: block)
        if product.hash != 0 { product.content = content(of: product, in: block) }
        block[product: productEnd] = product
        productEnd += 1
        event.productCount += 1
    }

    private mutating func hash(ofProduct id: RawSpan) -> UInt64 {
        let key = ShortMemo<UInt64>.Key(id)
        if let hash = productIDs.find(key) { return hash }
        let hash = hashKey.hash(kind: HashKind.product, id).low
        productIDs.note(key, hash)
        return hash
    }

    // Never 0.
    private mutating func content(of product: Product, in block: EventBlock) -> UInt64 {
        var content = contentSeed
        block.bytes(of: product.id).mix(into: &content)
        block.bytes(of: product.name).mix(into: &content)
        block.bytes(of: product.url).mix(into: &content)
        block.bytes(of: product.imageURL).mix(into: &content)
        return content | 1
    }

    // A number, or one in quotes; no price is below zero.
    private mutating func price(
        _ value: DocumentValue,
        of block: EventBlock
    ) throws(Rejection) -> Int64 {
        guard let millionths = try millionths(value, of: block) else {
            return Product.unknownPrice
        }
        guard millionths >= 0 else {
            counters.ignoredFields += 1
            return Product.unknownPrice
        }
        return millionths
    }

    // A whole number, or one in quotes. Fewer than none of a cart's line is none; of the stock it
    // is what the shop owes. Beyond 32 bits it is the bound.
    private mutating func whole(
        _ value: DocumentValue,
        isStock: Bool,
        of block: EventBlock
    ) throws(Rejection) -> Int32 {
        guard let millionths = try millionths(value, of: block) else {
            return Product.unknownQuantity
        }
        guard millionths % 1_000_000 == 0 else {
            counters.ignoredFields += 1
            return Product.unknownQuantity
        }
        let least = isStock ? Int64(-Int32.max) : 0
        return Int32(min(max(millionths / 1_000_000, least), Int64(Int32.max)))
    }

    private mutating func millionths(
        _ value: DocumentValue,
        of block: EventBlock
    ) throws(Rejection) -> Int64? {
        guard value.isGiven else { return nil }
        var read: Int64?
        if value.kind.isNumber {
            read = readMillionths(block.bytes(of: value.text))
        } else if value.kind.isString {
            let text = try text(value, in: block).trimmed(in: block)
            read = readMillionths(block.bytes(of: text))
        }
        if read == nil { counters.ignoredFields += 1 }
        return read
    }
}
