import Foundation

/// The flows of a real shop with windows of seconds instead of hours, so that a test sees a cart's
/// whole ladder of reminders.
enum ShortWindows {
    /// Marketing messages a person may get within `capSpan`.
    static let cap = 3
    /// How far back that cap counts, in milliseconds.
    static let capSpan: Int64 = 60_000

    /// Puts them in place of the shipped ones.
    ///
    /// Night is twelve hours from now, so that nobody between Greenwich and India, where the
    /// people of tests live, sleeps.
    static func write(to folder: Folder) throws {
        try FileManager.default.removeItem(atPath: folder.path + "/config/flows")
        let night = (Int(Date().timeIntervalSince1970) / 3_600 + 12) % 24
        try folder.write(
            "config/policies.yaml",
            """
            caps:
              - {id: minute, classes: [marketing], channels: [email, sms, whatsapp], limit: \(cap), window: 1m}
            quiet_hours:
              - {id: night, channels: [email, sms, whatsapp], from: "\(clock(night))", to: "\(clock(night + 2))"}
            """
        )
        for (name, text) in files { try folder.write("config/" + name, text) }
    }

    private static func clock(_ hour: Int) -> String {
        (hour % 24 < 10 ? "0" : "") + "\(hour % 24):00"
    }

    private static let files: [String: String] = [
        "flows/cart.yaml": """
        id: cart
        class: marketing
        priority: 80
        trigger: {abandoned: cart, after: 6s}
        cooldown: 30s
        jitter: 0s
        steps:
          - {id: s1, send: {channel: email, template: cart_s1}}
          - {id: s2, after: s1, delay: 5s, send: {channel: sms, template: cart_s2}}
          - id: s3
            after: s1
            delay: 10s
            if: {cart.value: {at_least: 2000}}
            send: {channel: whatsapp, template: cart_s3}
        """,
        "flows/checkout.yaml": """
        id: checkout
        class: marketing
        priority: 90
        trigger: {abandoned: checkout, after: 4s}
        cooldown: 30s
        jitter: 0s
        steps:
          - {id: k1, send: {channel: email, template: checkout_k1}}
          - {id: k2, after: k1, delay: 6s, send: {channel: sms, template: checkout_k2}}
        """,
        "flows/view.yaml": """
        id: view
        class: marketing
        priority: 60
        trigger: {abandoned: view, after: 8s}
        cooldown: 1m
        jitter: 0s
        steps:
          - {id: v1, send: {channel: email, template: view_v1}}
        """,
        "flows/confirmation.yaml": """
        id: confirmation
        class: transactional
        priority: 100
        trigger: {event: Order Completed}
        steps:
          - {id: o1, send: {channel: email, template: order_confirmation}}
        """,
    ]
}
