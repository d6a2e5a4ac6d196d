/// What the simulation remembers of a person between visits; who the person is follows from the
/// number.
struct Shopper: BitwiseCopyable {
    /// Lines of the cart: product number and quantity.
    var lines: InlineArray<6, Line> = .init(repeating: Line())
    /// How many carts the person has begun.
    var carts: UInt32 = 0
    /// How many lines there are.
    var lineCount: UInt8 = 0
    /// Devices on which the person has logged in, a bit each.
    var knownDevices: UInt8 = 0
    /// Whether consent was asked for.
    var wasAsked = false

    struct Line: BitwiseCopyable {
        var product: UInt16 = 0
        var quantity: UInt16 = 0
    }

    mutating func add(_ product: UInt16, _ quantity: UInt16) {
        for index in 0..<Int(lineCount) where lines[index].product == product {
            lines[index].quantity &+= quantity
            return
        }
        guard lineCount < 6 else { return }
        lines[Int(lineCount)] = Line(product: product, quantity: quantity)
        lineCount += 1
    }

    /// Takes the last line away and answers it.
    mutating func removeLast() -> Line {
        lineCount -= 1
        return lines[Int(lineCount)]
    }

    mutating func empty() { lineCount = 0 }

    /// The sum of the cart in whole rupees.
    var value: Int {
        var sum = 0
        for index in 0..<Int(lineCount) {
            sum += Assortment.price(Int(lines[index].product)) * Int(lines[index].quantity)
        }
        return sum
    }
}

/// One visit of a shopper to the shop on one device.
struct Visit: BitwiseCopyable {
    enum Phase: UInt8, BitwiseCopyable {
        case arrive, logIn, consent, view, add, remove, cart, checkout, pay, order, delivered
    }

    var shopper: UInt32
    /// 0 is the browser, 1 the app, 2 WhatsApp's browser.
    var device: UInt8
    var phase: Phase
    /// The phase behind a log-in.
    var next: Phase
    var product: UInt16 = 0
    var order: UInt32 = 0
    /// Which of the shopper's carts was ordered.
    var cart: UInt32 = 0
    var isCashOnDelivery = false
    var random: Random
}
