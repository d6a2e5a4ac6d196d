import Events
import Foundation
import LoadTesting
import Testing

/// What a load needs of the shop: everything that makes real traffic hard is in it.
@Suite("Simulated shop")
struct ShopTests {
    private struct Made {
        var arrival: Int64
        var length: Int
        var key: String
        var event: [String: Any]?
        var id: String { event?["messageId"] as? String ?? "" }
        var user: String? { event?["userId"] as? String }
        var name: String { event?["event"] as? String ?? event?["type"] as? String ?? "" }
        var properties: [String: Any] { event?["properties"] as? [String: Any] ?? [:] }
    }

    private func make(_ change: (inout ShopTraffic) -> Void) -> [Made] {
        var traffic = ShopTraffic(start: EventTime(second: 1_777_852_800), span: .days(4))
        traffic.shoppers = 600
        traffic.eventsPerSecond = 20_000.0 / (4 * 86_400)
        change(&traffic)
        var shop = ShopSimulation(traffic)
        var made: [Made] = []
        while let record = shop.next() {
            made.append(
                Made(
                    arrival: record.arrival.milliseconds,
                    length: shop.line.count,
                    key: String(decoding: shop.key, as: UTF8.self),
                    event: try? JSONSerialization.jsonObject(with: Data(shop.line))
                        as? [String: Any]
                )
            )
        }
        return made
    }

    @Test func `everything is in it, in its share`() throws {
        let made = make { _ in }
        let events = made.filter { !$0.id.isEmpty }
        func share(_ count: Int) -> Double { Double(count) / Double(made.count) }
        #expect((18_000...23_000).contains(made.count))
        #expect(made.map(\.arrival) == made.map(\.arrival).sorted())
        // What browsers send is 900 to 950 bytes long; long carts are longer.
        #expect(share(made.count { (900...950).contains($0.length) }) > 0.9)
        for name in [
            "identify", "Product Viewed", "Product Added", "Product Removed", "Cart Viewed",
            "Checkout Started", "Payment Info Entered", "Order Completed", "Order Delivered",
            "Order Returned To Origin", "Consent Updated",
        ] {
            #expect(events.contains { $0.name == name }, "\(name)")
        }
        let anonymous = events.count { $0.user == nil }
        #expect((0.2...0.6).contains(share(anonymous)))
        #expect((0.005...0.02).contains(share(events.count - Set(events.map(\.id)).count)))
        #expect((0.0002...0.002).contains(share(made.count - events.count)))
        let late = events.count { event in
            guard let text = event.event?["originalTimestamp"] as? String,
                let time = try? Date(
                    text,
                    strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)
                )
            else { return false }
            return Double(event.arrival) - time.timeIntervalSince1970 * 1_000 > 29_000
        }
        #expect((0.005...0.02).contains(share(late)))
        // A tenth of the people make a third of the events.
        var activity: [String: Int] = [:]
        for event in events { if let user = event.user { activity[user, default: 0] += 1 } }
        let busiest = activity.values.sorted(by: >).prefix(60).reduce(0, +)
        #expect(Double(busiest) > 0.25 * Double(activity.values.reduce(0, +)))
        let methods = events.filter { $0.name == "Order Completed" }
            .compactMap { $0.properties["payment_method"] as? String }
        #expect(Set(methods) == ["cod", "upi"])
        // The key is who it is, as far as is known.
        #expect(events.allSatisfy { $0.key == $0.user ?? $0.event?["anonymousId"] as? String })
    }

    @Test func `people have several devices, and some devices several people`() {
        let made = make { $0.sharedDeviceShare = 0.2 }
        var devices: [String: Set<String>] = [:]
        var people: [String: Set<String>] = [:]
        for event in made {
            guard let user = event.user, let device = event.event?["anonymousId"] as? String else {
                continue
            }
            devices[user, default: []].insert(device)
            people[device, default: []].insert(user)
        }
        #expect(devices.values.contains { $0.count > 1 })
        #expect(people.values.contains { $0.count == 2 })
        #expect(people.values.allSatisfy { $0.count <= 2 })
    }

    @Test func `what is delivered or comes back was ordered`() {
        let made = make {
            $0.shoppers = 60
            $0.malformedShare = 0
        }
        let orders = Set(
            made.filter { $0.name == "Order Completed" }
                .compactMap { $0.properties["order_id"] as? String }
        )
        let later = made.filter { $0.name == "Order Delivered" || $0.name.hasPrefix("Order Ret") }
        #expect(later.count > 50)
        #expect(
            later.allSatisfy { orders.contains($0.properties["order_id"] as? String ?? "none") }
        )
    }

    @Test func `a flash sale is ten times as busy in its middle tenth`() {
        let made = make {
            $0.curve = .flash
            $0.pace = 0.01
        }
        let begin: Int64 = 1_777_852_800_000
        let span = TimeSpan.days(4).milliseconds
        let middle = made.count {
            ($0.arrival - begin) * 20 / span == 9 || ($0.arrival - begin) * 20 / span == 10
        }
        let rest = Double(made.count - middle) / 9
        #expect((8.5...11.5).contains(Double(middle) / rest))
    }

    @Test func `a rate of many visits in a millisecond is kept`() {
        let made = make {
            $0.shoppers = 100_000
            $0.span = .seconds(10)
            $0.eventsPerSecond = 20_000
            $0.pace = 0.02
        }
        #expect((150_000...220_000).contains(made.count))
    }

    @Test func `a hot key makes its share of all visits`() {
        let made = make { $0.hotShare = 0.5 }
        let known = made.compactMap(\.user)
        let hot = known.count { $0 == "u0" }
        #expect((0.4...0.7).contains(Double(hot) / Double(known.count)))
    }

    @Test func `other numbers are other people, another seed another shop`() {
        let made = make { $0.span = .hours(10) }
        let others = make {
            $0.span = .hours(10)
            $0.firstShopper = 1_000
        }
        func ids(_ made: [Made]) -> Set<String> {
            Set(
                made.flatMap { event in
                    [event.user, event.event?["anonymousId"] as? String].compactMap { $0 }
                        + [event.properties["order_id"] as? String].compactMap { $0 }
                }
            )
        }
        #expect(made.count == others.count && made.count > 500)
        #expect(ids(made).isDisjoint(with: ids(others)))
        let again = make { $0.span = .hours(10) }
        #expect(again.map(\.id) == made.map(\.id))
        let seeded = make {
            $0.span = .hours(10)
            $0.seed = 2
        }
        #expect(Set(seeded.map(\.id)).isDisjoint(with: Set(made.map(\.id).filter { !$0.isEmpty })))
    }
}
