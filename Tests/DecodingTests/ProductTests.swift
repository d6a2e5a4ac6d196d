import Events
import Testing
import Windows

@testable import Decoding

@Suite("Products, prices, attributes")
struct ProductTests {
    let bench = Bench()

    func read(_ name: String, _ properties: String) -> CustomerEvent {
        bench.read(
            #"{"type":"track","event":"\#(name)","userId":"u","properties":{\#(properties)}}"#
        )
    }

    @Test func `every product of a list counts`() {
        let event = read(
            "Cart Viewed",
            #""cart_id":"c1","products":[{"product_id":"p1","name":"Kibble","price":12.5,"#
                + #""quantity":2,"url":"https://x/y","image_url":"https:\/\/x/z"},"#
                + #"{"sku":"s2","price":"12.50","quantity":"3"},7,{"price":1}]"#
        )
        #expect(event.flags.contains(.hasProductList))
        let products = bench.products(event)
        #expect(products.map { bench.string($0.id) } == ["p1", "s2", ""])
        #expect(products.map(\.price) == [12_500_000, 12_500_000, 1_000_000])
        #expect(products.map(\.quantity) == [2, 3, Product.unknownQuantity])
        #expect(bench.string(products[0].imageURL) == "https://x/z")
        #expect(products[0].hash == Bench.key.hash(kind: HashKind.product, "p1").low)
        #expect(products[2].hash == 0)
    }

    @Test func `an empty list is a list`() {
        let event = read("Cart Viewed", #""products":[]"#)
        #expect(event.flags.contains(.hasProductList))
        #expect(event.productCount == 0)
        #expect(!read("Cart Viewed", #""products":null"#).flags.contains(.hasProductList))
        #expect(!read("Cart Viewed", #""products":{}"#).flags.contains(.hasProductList))
    }

    @Test func `an event may be about one product`() {
        let event = read("Product Added", #""product_id":7,"price":3,"quantity":1"#)
        #expect(bench.products(event).map { bench.string($0.id) } == ["7"])
        #expect(!event.flags.contains(.hasProductList))
        #expect(read("Product Added", #""price":3"#).productCount == 0)
    }

    @Test func `products beyond 255 are left out and counted`() {
        let products = (0..<300).map { #"{"id":\#($0)}"# }.joined(separator: ",")
        let event = read("Order Completed", #""order_id":1,"products":[\#(products)]"#)
        #expect(event.productCount == 255)
        #expect(bench.decoder.counters.droppedProducts == 45)
    }

    @Test(
        arguments: [
            ("0", 0), ("0.1", 100_000), ("12.50", 12_500_000), ("0.0000005", 1),
            ("0.0000004", 0), ("1e3", 1_000_000_000), ("1.5E-3", 1_500), ("1e-30", 0),
            ("19.99", 19_990_000), ("0.1000000000000000055511151231257827", 100_000),
            ("9223372036854", 9_223_372_036_854_000_000),
        ] as [(String, Int64)]
    )
    func `prices are exact`(_ number: String, _ expected: Int64) {
        for value in [number, "\"\(number)\"", "\" \(number) \""] {
            let event = read("Product Added", #""product_id":"p","price":\#(value)"#)
            #expect(bench.products(event).first?.price == expected, "\(value)")
        }
    }

    @Test(arguments: ["-1", "1e30", "9223372036855", #""12,50""#, #""free""#, "true", "[]", #""""#])
    func `a price that is none is unknown and counted`(_ value: String) {
        let event = read("Product Added", #""product_id":"p","price":\#(value)"#)
        #expect(bench.products(event).first?.price == Product.unknownPrice)
        #expect(bench.decoder.counters.ignoredFields == 1)
    }

    @Test(
        arguments: [
            ("2", 2), ("2.0", 2), (#""2""#, 2), ("0", 0), ("-3", 0),
            ("2.5", Product.unknownQuantity),
            ("1e12", Int32.max), ("null", Product.unknownQuantity),
        ] as [(String, Int32)]
    )
    func `quantities are whole`(_ value: String, _ expected: Int32) {
        let event = read("Product Added", #""product_id":"p","quantity":\#(value)"#)
        #expect(bench.products(event).first?.quantity == expected)
    }

    @Test func `stock and price changes belong to nobody and need their value`() {
        let stock = bench.read(
            #"{"type":"track","event":"Product Stock Changed","messageId":"m","#
                + #""properties":{"product_id":"p","stock":-2}}"#
        )
        #expect(stock.flags.contains(.everybody))
        #expect(stock.identifierCount == 0)
        #expect(bench.products(stock).first?.quantity == -2)
        #expect(stock.fingerprint != 0)
        let price = bench.read(
            #"{"type":"track","event":"Product Price Changed","#
                + #""properties":{"product_id":"p","price":1.5,"currency":"inr"}}"#
        )
        #expect(bench.products(price).first?.price == 1_500_000)
        #expect(price.currency == PackedLetters.currency("INR"))
        for (name, properties, path) in [
            ("Product Stock Changed", #""stock":1"#, "properties.product_id"),
            ("Product Stock Changed", #""product_id":"p""#, "properties.stock"),
            ("Product Price Changed", #""product_id":"p","price":"x""#, "properties.price"),
        ] {
            let event = read(name, properties)
            #expect(event.refusal == "invalid_field")
            #expect(bench.string(event.body) == path)
        }
    }

    @Test(arguments: [
        ("add", EventMeaning.productAdded), ("remove", .productRemoved), ("replace", .cartViewed),
        ("", .cartViewed),
    ])
    func `Braze's cart_updated says what it did`(_ action: String, _ meaning: EventMeaning) {
        let event = read(
            "cart_updated",
            #""action":"\#(action)","cart_id":"c","products":[{"product_id":"p","quantity":1}]"#
        )
        #expect(event.meaning == meaning)
        #expect(event.productCount == 1)
        #expect(event.cart.isSet)
    }

    @Test func `Braze's checkout and order bring all their ids`() {
        for name in ["checkout_started", "order_placed", "ecommerce.order_placed"] {
            let event = read(name, #""cart_id":"c","checkout_id":5,"order_id":"o""#)
            #expect(event.meaning != .other)
            #expect(bench.string(event.cart.text) == "c")
            #expect(bench.string(event.checkout.text) == "5")
            #expect(event.order.hash == Bench.key.hash(kind: HashKind.order, "o").low)
        }
    }

    @Test func `a cart id of a wrong type is ignored and counted`() {
        let event = read("Product Added", #""cart_id":{"x":1},"order_id":"""#)
        #expect(!event.cart.isSet)
        #expect(!event.order.isSet)
        #expect(bench.decoder.counters.ignoredFields == 1)
    }

    @Test func `attributes keep their form`() {
        var plan = TrackingPlan.standard
        plan.attributes = [
            "properties.plan", "traits.tier", "properties.total", "properties.gift",
            "properties.products.0.x", "context.campaign.name",
        ]
        let bench = Bench(plan)
        let event = bench.read(
            #"{"type":"track","event":"x","userId":"u","context":{"traits":{"tier":"Gold"},"#
                + #""campaign":{"name":"\u0041"}},"properties":{"plan":"Gold","total":-12.25e1,"#
                + #""gift":true,"products":[{"product_id":"p"}]}}"#
        )
        let gold = Bench.key.hash(kind: HashKind.attribute, "Gold").low
        #expect(
            bench.attributes(event) == [
                Attribute(index: 0, form: .text, bits: gold),
                Attribute(index: 1, form: .text, bits: gold),
                Attribute(index: 2, form: .number, bits: (-122.5).bitPattern),
                Attribute(index: 3, form: .boolean, bits: 1),
                Attribute(
                    index: 5,
                    form: .text,
                    bits: Bench.key.hash(kind: HashKind.attribute, "A").low
                ),
            ]
        )
        #expect(event.productCount == 1)
    }

    @Test func `where a person is and what they speak is noted`() {
        let event = bench.read(
            #"{"type":"track","event":"x","userId":"u","context":{"locale":"en-IN","#
                + #""timezone":"Asia\/Kolkata","traceparent":"00-abc"},"#
                + #""properties":{"shipping_address":{"country":"in"},"currency":"INR"}}"#
        )
        #expect(bench.string(event.locale) == "en-IN")
        #expect(bench.string(event.traceparent) == "00-abc")
        #expect(event.zone == Bench.zones.index(of: "Asia/Kolkata"))
        #expect(!event.flags.contains(.zoneIsTrait))
        #expect(event.country == PackedLetters.country("IN"))
        let trait = bench.read(
            #"{"type":"identify","userId":"u","traits":{"timezone":"Europe/Kyiv"},"#
                + #""context":{"timezone":"Asia/Kolkata"}}"#
        )
        #expect(trait.zone == Bench.zones.index(of: "Europe/Kyiv"))
        #expect(trait.flags.contains(.zoneIsTrait))
        let odd = bench.read(
            #"{"type":"identify","userId":"u","traits":{"timezone":"Mars/Base"},"#
                + #""context":{"timezone":"Asia/Kolkata","locale":5},"#
                + #""properties":{"currency":"rupee","shipping_country":"India"}}"#
        )
        #expect(odd.zone == Bench.zones.index(of: "Asia/Kolkata"))
        #expect(odd.currency == 0)
        #expect(odd.country == 0)
    }

    @Test func `doubles are read as Swift reads them`() {
        for text in ["0", "1", "-1.5", "0.1", "1e22", "123456.789", "1e-5", "4.35", "1e400"] {
            let bytes = Array(text.utf8)
            #expect(readDouble(bytes.span.bytes) == Double(text), "\(text)")
        }
    }
}
