import Foundation
import Settings

/// The demo's config: the flows of a real shop with windows of seconds instead of hours.
enum DemoConfig {
    /// A zone in which it is about noon now, so that no quiet hours hide the demo.
    static func noonZone(now: Date = Date()) -> String {
        let hour = Int(now.timeIntervalSince1970) / 3_600 % 24
        let east = 12 - hour
        // The tz database counts these zones westwards: Etc/GMT-5 is five hours east of Greenwich.
        return east == 0 ? "Etc/GMT" : east > 0 ? "Etc/GMT-\(east)" : "Etc/GMT+\(-east)"
    }

    /// The files, by name.
    static func files(zone: String) -> [String: String] {
        [
            "collie.yaml": """
            shop: {name: demo-shop, country: IN, currency: INR, time_zone: \(zone)}
            identity: {hash_key: 636f6c6c69652d64656d6f2d6b657921}
            time: {disorder: 1s}
            kafka:
              brokers: [unused:9092]
              input_topics: [customer-events]
              delivery: at-least-once
            engine: {shards: 2, ingest_threads: 1}
            """,
            "tracking-plan.yaml": String(
                decoding: PackageResources.tracking_plan_yaml,
                as: UTF8.self
            ),
            "policies.yaml": """
            caps:
              - {id: daily, channels: [email, sms, whatsapp], limit: 3, calendar: day}
              - {id: sms-rare, channels: [sms], limit: 1, window: 24h}
            quiet_hours:
              - {id: night, channels: [email, sms, whatsapp], from: "21:00", to: "10:00"}
            """,
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
}
