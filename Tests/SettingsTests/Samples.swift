import Events
import Settings

/// Small configurations for tests.
enum Samples {
    static let collie = """
        shop: {name: t, country: IN, currency: INR, time_zone: Asia/Kolkata}
        identity:
          hash_key: 000102030405060708090a0b0c0d0e0f
        """
    static let plan = """
        events:
          Product Viewed: {means: product_viewed, aliases: [Viewed Product]}
          Order Completed: {means: order_completed}
          Survey Answered: {}
        fields: {cart_id: properties.cart_id}
        product: {id: product_id}
        """
    static let policies = "caps: [{id: all, limit: 3, calendar: day}]"
    static let flow = """
        id: cart
        class: marketing
        trigger: {abandoned: cart, after: 60m}
        steps:
          - id: s1
            send: {channel: email}
        """

    /// A complete configuration; the arguments replace its files.
    static func files(
        collie: String = collie,
        plan: String = plan,
        policies: String = policies,
        flow: String = flow
    ) -> [String: String] {
        [
            "collie.yaml": collie, "tracking-plan.yaml": plan, "policies.yaml": policies,
            "flows/cart.yaml": flow,
        ]
    }

    /// What is wrong with a configuration.
    static func mistakes(
        _ files: [String: String],
        overrides: String? = nil,
        environment: [String: String] = [:],
        options: SettingsOptions = SettingsOptions()
    ) -> [String] {
        let report = ConfigReport(
            ConfigSource(files: files, environment: environment),
            overrides: overrides.flatMap(tree),
            options: options
        )
        return report.mistakes.map(\.description)
    }

    /// The settings of a configuration that has no mistakes.
    static func settings(
        _ files: [String: String],
        overrides: String? = nil,
        environment: [String: String] = [:],
        options: SettingsOptions = SettingsOptions()
    ) throws -> Settings {
        try Settings.load(
            files: files,
            overrides: overrides.flatMap(tree),
            environment: environment,
            options: options
        )
    }

    static func tree(_ text: String) -> YAMLNode? {
        YAMLNode.parse(text, file: "override.yaml", mistakes: Mistakes())
    }
}
