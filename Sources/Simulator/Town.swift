import Events

/// A record on its way into the input topic.
struct Arrival {
    /// When it comes, in milliseconds.
    var time: Int64
    /// Names its partition.
    var key: Int
    /// Its bytes.
    var value: [UInt8]
}

/// A handful of people who share devices, log in late, fill carts and forget them.
///
/// So few that merges, caps and timers meet each other within some hundred events.
struct Town {
    private var chance: Chance
    private var clock: Int64
    private var messages = 0
    private var arrivals: [Arrival] = []
    private let people: Int
    private let lateness: Int
    private let repeats: Int
    private let poison: Int

    /// Everything that happens in the town of a seed, in the order of its arrival.
    static func arrivals(seed: UInt64, start: Int64) -> [Arrival] {
        var town = Town(seed, start)
        return town.live()
    }

    private init(_ seed: UInt64, _ start: Int64) {
        chance = Chance(seed: seed, stream: 1)
        clock = start
        people = 2 + chance.below(5)
        lateness = chance.pick([0, 30, 150])
        repeats = chance.pick([0, 20, 100])
        poison = chance.pick([0, 10, 60])
    }

    private mutating func live() -> [Arrival] {
        let count = 60 + chance.below(160)
        let pace = chance.pick([20_000, 120_000, 600_000, 2_400_000] as [Int64])
        for _ in 0..<count {
            switch chance.below(12) {
            case 0: clock += chance.within(1...3) * 3_600_000
            case 1...4: clock += chance.within(0...2_000)
            default: clock += chance.within(0...pace)
            }
            if chance.happens(poison) {
                arrive(poisoned(), key: chance.below(8))
                continue
            }
            let person = chance.below(people)
            let value = event(of: person)
            arrive(value, key: person)
            // Delivered twice by its sender, the second time perhaps elsewhere.
            if chance.happens(repeats) {
                clock += chance.within(0...5_000)
                arrive(value, key: chance.happens(500) ? person : person + 1)
            }
        }
        return arrivals
    }

    private mutating func arrive(_ value: [UInt8], key: Int) {
        arrivals.append(Arrival(time: clock, key: key, value: value))
    }

    private mutating func poisoned() -> [UInt8] {
        switch chance.below(5) {
        case 0: return Array("{\"type\":\"track\",\"event\":".utf8)
        case 1: return [0xff, 0xfe, 0x00, 0x7b]
        case 2: return []
        case 3: return Array("{\"type\":\"track\",\"messageId\":\"p\(messages)\"}".utf8)
        default: return Array("[1,2,3]".utf8)
        }
    }

    private mutating func event(of person: Int) -> [UInt8] {
        messages += 1
        var time = clock
        if chance.happens(lateness) {
            time -= chance.pick([1_000, 60_000, 299_000, 301_000, 3_600_000, 400_000_000])
        }
        var fields = [
            #""messageId":"m\#(messages)""#,
            #""timestamp":"\#(stamp(time))""#,
            #""receivedAt":"\#(stamp(clock))""#,
        ]
        let isLoggedIn = chance.happens(350)
        // A device is shared now and then.
        let device = chance.happens(60) ? (person + 1) % people : person
        if !isLoggedIn || chance.happens(700) {
            fields.append(#""anonymousId":"device\#(device)-\#(chance.below(2))""#)
        }
        if isLoggedIn { fields.append(#""userId":"user\#(person)""#) }
        if isLoggedIn || chance.happens(250) {
            var traits: [String] = []
            if chance.happens(800) {
                traits.append(#""email":"person\#(person)@example.com""#)
            }
            if chance.happens(500) { traits.append(#""phone":"+91981000000\#(person)""#) }
            fields.append(#""context":{"traits":{\#(traits.joined(separator: ","))}}"#)
        }
        fields += action()
        return Array("{\(fields.joined(separator: ","))}".utf8)
    }

    private mutating func action() -> [String] {
        let cart = chance.pick(["", #","cart_id":"c1""#, #","cart_id":"c2""#])
        let product =
            #""product_id":"P\#(chance.below(4))","price":\#(500 + chance.below(4) * 400)"#
            + #","quantity":\#(1 + chance.below(2))"#
        func track(_ name: String, _ properties: String) -> [String] {
            [#""type":"track""#, #""event":"\#(name)""#, #""properties":{\#(properties)}"#]
        }
        switch chance.below(20) {
        case 0...6: return track("Product Added", product + cart)
        case 7: return track("Product Removed", product + cart)
        case 8...9: return track("Product Viewed", product)
        case 10...11:
            return track(
                "Checkout Started",
                #""order_id":"o\#(chance.below(6))","products":[{\#(product)}]"# + cart
            )
        case 12:
            return track(
                "Order Completed",
                #""order_id":"o\#(chance.below(6))","products":[{\#(product)}]"# + cart
            )
        case 13: return track("Signed Up", "")
        case 14...15: return track("Campaign Entered", "")
        case 16:
            let state = chance.pick(["subscribed", "unsubscribed", "subscribed"])
            let channel = chance.pick(["email", "sms"])
            return track("Consent Updated", #""channel":"\#(channel)","state":"\#(state)""#)
        case 17: return track("Email Link Clicked", "")
        default: return [#""type":"identify""#, #""traits":{"plan":"gold"}"#]
        }
    }
}

/// An instant as RFC 3339 in UTC with milliseconds.
func stamp(_ milliseconds: Int64) -> String {
    let day = floorDivide(milliseconds, 86_400_000)
    let date = CivilDate(day: day)
    let rest = milliseconds - day * 86_400_000
    func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        + "T\(padded(rest / 3_600_000, 2)):\(padded(rest / 60_000 % 60, 2))"
        + ":\(padded(rest / 1_000 % 60, 2)).\(padded(rest % 1_000, 3))Z"
}
