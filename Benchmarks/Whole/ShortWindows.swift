import Foundation

/// Flows with windows of seconds, so that reminders come due while they are measured: by day and by
/// night, and with a cap, as a shop would have them.
enum ShortWindows {
    /// The section `time` of the config: as few messageIds as let a state come to its size in a minute.
    static let time = "time: {disorder: 1s, dedupe_max: 200_000}"

    /// How many events let the state of so many people come to its size.
    ///
    /// Each messageId that is remembered came twice, and each person's lists (64 sends, 32 orders, 8
    /// carts of 64 operations, …) are full, of those who come least, too: they do half as much as
    /// the mean.
    static func settlingEvents(_ people: Int) -> Int { max(400_000, 4_000 * people) }

    /// Puts them in place of a config's flows and policies.
    static func write(to config: String) throws {
        let flows = config + "/flows"
        try FileManager.default.removeItem(atPath: flows)
        try FileManager.default.createDirectory(atPath: flows, withIntermediateDirectories: true)
        try """
        caps:
          - {id: minute, classes: [marketing], channels: [email, sms, whatsapp], limit: 3, window: 1m}
        implied_consent:
          - {countries: [IN], channels: [email, sms]}
        """.write(toFile: config + "/policies.yaml", atomically: true, encoding: .utf8)
        for (name, text) in files {
            try text.write(toFile: "\(flows)/\(name).yaml", atomically: true, encoding: .utf8)
        }
    }

    private static let files = [
        "cart": """
        id: cart
        class: marketing
        priority: 80
        trigger: {abandoned: cart, after: 6s}
        cooldown: 30s
        jitter: 0s
        steps:
          - {id: s1, send: {channel: email, template: cart_s1}}
          - {id: s2, after: s1, delay: 5s, send: {channel: sms, template: cart_s2}}
        """,
        "view": """
        id: view
        class: marketing
        priority: 60
        trigger: {abandoned: view, after: 8s}
        cooldown: 1m
        jitter: 0s
        steps:
          - {id: v1, send: {channel: email, template: view_v1}}
        """,
        "confirmation": """
        id: confirmation
        class: transactional
        priority: 100
        trigger: {event: Order Completed}
        steps:
          - {id: o1, send: {channel: email, template: order_confirmation}}
        """,
    ]
}
