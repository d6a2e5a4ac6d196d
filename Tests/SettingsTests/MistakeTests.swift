import Settings
import Testing

@Suite("Mistakes")
struct MistakeTests {
    private static let flowHead = "id: cart\nclass: marketing\ntrigger: {abandoned: cart}\n"

    @Test(arguments: [
        // Flow files.
        (
            "id: cart\nclass: marketing\ntriger: {abandoned: cart}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:1:1: error: a flow needs the key `trigger`",
                "flows/cart.yaml:3:1: error: a flow has no key `triger`; did you mean `trigger`?",
            ]
        ),
        (
            "id: a b\nclass: marketng\ntrigger: {abandoned: basket}\nsteps: []\n",
            [
                "flows/cart.yaml:1:5: error: `id` must be letters, digits, `_` and `-`, at most 64; it is `a b`",
                "flows/cart.yaml:2:8: error: `class` cannot be `marketng`; did you mean `marketing`?",
                "flows/cart.yaml:3:22: error: `abandoned` cannot be `basket`; possible: view, cart, checkout",
                "flows/cart.yaml:4:8: error: `steps` has none",
            ]
        ),
        (
            "id: cart\nclass: marketing\ntrigger: {abandoned: cart, after: 30}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:3:35: error: `after` must be a length of time, such as 30s, 5m, 4h, 1h30m or 7d (a unit is missing: s, m, h, d or w); it is `30`"
            ]
        ),
        (
            "id: cart\nclass: marketing\ntrigger: {abandoned: cart, after: 30s}\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:3:35: error: `after` must be from 5m to 7d; it is `30s`"]
        ),
        (
            "id: cart\nclass: marketing\ntrigger: {abandoned: cart, event: Order Completed}\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:3:35: error: `event` and `abandoned` exclude each other"]
        ),
        (
            "id: cart\nclass: marketing\ntrigger: {abandoned: cart, where: {country: IN}}\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:3:35: error: `where` does not go with `abandoned`"]
        ),
        (
            "id: cart\nclass: marketing\ntrigger: {event: Order Complete}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:3:18: error: the tracking plan has no event `Order Complete`; did you mean `Order Completed`?"
            ]
        ),
        (
            "id: cart\nclass: marketing\ntrigger: {}\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:3:10: error: a trigger needs one of `abandoned`, `event`"]
        ),
        (
            flowHead + "re_entry: never\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:11: error: `re_entry` is for flows with an `event`; here `cooldown` decides"
            ]
        ),
        (
            flowHead + "on_cap: defer\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:4:9: error: `on_cap`: how long? write {defer: 4h}"]
        ),
        (
            flowHead + "goals: [Survey Answerd]\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:9: error: the tracking plan has no event `Survey Answerd`; did you mean `Survey Answered`?"
            ]
        ),
        // Steps.
        (
            flowHead + "steps:\n- id: a\n  send: {chanel: email}\n",
            [
                "flows/cart.yaml:6:9: error: `send` needs the key `channel` or `channels`",
                "flows/cart.yaml:6:10: error: `send` has no key `chanel`; did you mean `channel`?",
            ]
        ),
        (
            flowHead + "steps:\n- id: a\n  send: {channel: emial}\n",
            ["flows/cart.yaml:6:19: error: `channel` cannot be `emial`; did you mean `email`?"]
        ),
        (
            flowHead
                + "steps:\n- {id: a, send: {channel: email}}\n- {id: a, send: {channel: email}, after: b}\n",
            [
                "flows/cart.yaml:6:8: error: `id` `a` is the id of an earlier step",
                "flows/cart.yaml:6:42: error: `after`: the flow has no step `b`; possible: a",
            ]
        ),
        (
            flowHead
                + "steps:\n- {id: a1, send: {channel: email}, after: a2}\n- {id: a2, send: {channel: email}}\n",
            ["flows/cart.yaml:5:43: error: `after` must name an earlier step; `a2` is none"]
        ),
        (
            flowHead
                + "steps:\n- {id: a1, send: {channel: email}}\n- {id: a2, condition: {country: IN}, else: a1}\n",
            ["flows/cart.yaml:6:44: error: `else` must name a later step; `a1` is none"]
        ),
        (
            flowHead + "steps:\n- {id: a1}\n",
            ["flows/cart.yaml:5:3: error: a step needs one of `send`, `wait`, `condition`"]
        ),
        (
            flowHead + "steps:\n- {id: a1, wait: 2h, delay: 1h}\n",
            ["flows/cart.yaml:5:29: error: `delay` does not go with `wait`"]
        ),
        (
            flowHead + "steps:\n- {id: a1, send: {channel: email, fallback: [email]}}\n",
            [
                "flows/cart.yaml:5:45: error: `fallback` repeats the step's own channel `email`"
            ]
        ),
        // Conditions.
        (
            flowHead
                + "entry: {cart.valu: {at_least: 3}}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:9: error: a condition cannot ask about `cart.valu`; did you mean `cart.value`?"
            ]
        ),
        (
            flowHead
                + "entry: {cart.value: {atleast: 3}}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:22: error: a condition cannot ask `atleast`; did you mean `at_least`?"
            ]
        ),
        (
            flowHead
                + "entry: {cart.value: {at_least: much}}\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:4:32: error: `at_least` must be a number, such as 2000; it is `much`"]
        ),
        (
            flowHead
                + "entry: {country: {at_least: 3}}\nsteps: [{id: a, send: {channel: email}}]\n",
            ["flows/cart.yaml:4:19: error: `at_least` compares numbers, and this is none"]
        ),
        (
            flowHead + "entry: {event.x: 3}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:9: error: `event.x` can be asked of a trigger's, goal's or exit's event only"
            ]
        ),
        (
            flowHead + "entry: {orders: {at_least: 3}}\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:17: error: `orders` needs `within`, such as {within: 30d, at_least: 1}"
            ]
        ),
        (
            flowHead + "entry: gold\nsteps: [{id: a, send: {channel: email}}]\n",
            [
                "flows/cart.yaml:4:8: error: a condition must be a mapping such as {cart.value: {at_least: 2000}}; it is `gold`"
            ]
        ),
    ])
    func `a flow's mistakes are said with their places`(flow: String, expected: [String]) {
        #expect(Samples.mistakes(Samples.files(flow: flow)) == expected)
    }

    @Test(arguments: [
        (
            "caps: [{id: a, limit: 3}]",
            [
                "policies.yaml:1:8: error: a cap needs `window` (such as 16h) or `calendar` (day, week or month)"
            ]
        ),
        (
            "caps: [{id: a, limit: 3, window: 1h, calendar: day}]",
            ["policies.yaml:1:48: error: `calendar` and `window` exclude each other"]
        ),
        (
            "caps: [{id: a, limit: 0, window: 1h}]",
            ["policies.yaml:1:23: error: `limit` must be a whole number from 1 to 64; it is `0`"]
        ),
        (
            "caps: [{id: a, limit: 1, window: 1h, flows: [crt]}]",
            ["policies.yaml:1:46: error: there is no flow `crt`; did you mean `cart`?"]
        ),
        (
            "caps: [{id: a, limit: 1, window: 1h, tags: [x]}]",
            ["policies.yaml:1:45: error: no flow has the tag `x`"]
        ),
        (
            "caps: [{id: a, limit: 1, window: 1h, exempt_from: [card]}]",
            ["policies.yaml:1:52: error: there is no flow or tag `card`; did you mean `cart`?"]
        ),
        (
            "caps: [{id: a, limit: 1, window: 1h, zone: Asia/Kolkata}]",
            ["policies.yaml:1:44: error: `zone` is for `calendar` only"]
        ),
        (
            "caps: [{id: a, limit: 1, calendar: day, zone: Asia/Kolkatta}]",
            [
                "policies.yaml:1:47: error: `zone`: there is no time zone `Asia/Kolkatta`; did you mean `Asia/Kolkata`?"
            ]
        ),
        (
            "caps: [{id: a, limit: 1, calendar: fortnight}]",
            [
                "policies.yaml:1:36: error: `calendar` cannot be `fortnight`; possible: day, week, month"
            ]
        ),
        (
            "caps: [{id: a, limit: 1, window: 1h}]\ngaps: [{id: a, min: 1h}]",
            ["policies.yaml:2:13: error: the id `a` is used in policies.yaml:1:13 already"]
        ),
        (
            "quiet_hours: [{id: a, from: \"9pm\", to: \"24:30\"}]",
            [
                "policies.yaml:1:29: error: `from` must be a time of day, such as \"21:00\"; it is `9pm`",
                "policies.yaml:1:40: error: `to` must be a time of day, such as \"21:00\"; it is `24:30`",
            ]
        ),
        (
            "quiet_hours: [{id: a, from: \"21:00\", to: \"8:00\", countries: [India], weekdays: [mon]}]",
            [
                "policies.yaml:1:62: error: `countries` must be a country of two letters, such as IN; it is `India`",
                "policies.yaml:1:81: error: `weekdays` cannot be `mon`; possible: monday, tuesday, wednesday, thursday, friday, saturday, sunday",
            ]
        ),
        (
            "caps: [{id: a, limit: 1, window: 1h, flows: [], tags: [], channels: [], classes: []}]\nquiet_hours: [{id: q, from: \"1:00\", to: \"2:00\", countries: [], weekdays: []}]",
            [
                "policies.yaml:1:45: error: `flows` names none; leave the key out for the default",
                "policies.yaml:1:55: error: `tags` names none; leave the key out for the default",
                "policies.yaml:1:69: error: `channels` names none; leave the key out for the default",
                "policies.yaml:1:82: error: `classes` names none; leave the key out for the default",
                "policies.yaml:2:60: error: `countries` names none; leave the key out for the default",
                "policies.yaml:2:74: error: `weekdays` names none; leave the key out for the default",
            ]
        ),
        (
            "week_start: sonday",
            ["policies.yaml:1:13: error: `week_start` cannot be `sonday`; did you mean `monday`?"]
        ),
        (
            "[1]",
            [
                "policies.yaml:1:1: error: policies.yaml must be a mapping of keys and values; it is a list"
            ]
        ),
    ])
    func `mistakes of policies are said with their places`(policies: String, expected: [String]) {
        let found = Samples.mistakes(Samples.files(policies: policies))
        #expect(found.filter { $0.contains(": error: ") } == expected)
    }

    @Test(arguments: [
        (
            "shop: {country: India, currency: RS, time_zone: Kolkata}\nidentity: {hash_key: abc}\n",
            [
                "collie.yaml:1:17: error: `country` must be a country of two letters, such as IN; it is `India`",
                "collie.yaml:1:34: error: `currency` must be a currency of three letters, such as INR; it is `RS`",
                "collie.yaml:1:49: error: `time_zone`: there is no time zone `Kolkata`; write one such as Asia/Kolkata",
                "collie.yaml:2:22: error: `hash_key` must be 32 hexadecimal digits (`openssl rand -hex 16`)",
            ]
        ),
        (
            Samples.collie
                + "\nkafka:\n  brokers: [kafka]\n  delivery: exactly_once\n  common: {enable.auto.commit: true}\n  consumer: {group.id: x}\n  input_topics: [a/b]\n",
            [
                "collie.yaml:5:13: error: `brokers`: `kafka` must be host:port, such as kafka:9092",
                "collie.yaml:6:13: error: `delivery` cannot be `exactly_once`; did you mean `exactly-once`?",
                "collie.yaml:7:12: error: `enable.auto.commit` is set by Collie itself; leave it out",
                "collie.yaml:8:14: error: `group.id` is set by Collie itself; use `kafka.group_id`",
                "collie.yaml:9:18: error: `a/b` is no topic's name: letters, digits, `.`, `_` and `-`, at most 249",
            ]
        ),
        (
            Samples.collie + "\nengine: {shards: 0, limits: {carts: many}}\n",
            [
                "collie.yaml:4:18: error: `shards` must be a whole number from 1 to 256; it is `0`",
                "collie.yaml:4:37: error: `carts` must be a whole number from 1 to 64; it is `many`",
            ]
        ),
        (
            Samples.collie + "\nkafka: {output: {topics: {decisions: x}}}\n",
            [
                "collie.yaml:4:27: error: there is no output `decisions`; possible: send.email, send.sms, send.whatsapp, send.viber, send.telegram, send.web_push, send.mobile_push, send.in_app, send.app_inbox, collie.decisions, collie.identity, collie.dead-letters, collie.review, collie.journal"
            ]
        ),
        (
            "shop:\n",
            [
                "collie.yaml:1:1: error: collie.yaml needs the key `identity`",
                "collie.yaml:1:1: error: collie.yaml needs the key `shop`",
            ]
        ),
    ])
    func `mistakes of collie.yaml are said with their places`(collie: String, expected: [String]) {
        #expect(Samples.mistakes(Samples.files(collie: collie)) == expected)
    }

    @Test(arguments: [
        (
            "events: {A: {means: product_veiwed}, b: {aliases: [a]}}\nfields: {cart_idd: x}\nproduct: {name: n}\n",
            [
                "tracking-plan.yaml:1:21: error: `means` cannot be `product_veiwed`; did you mean `product_viewed`?",
                "tracking-plan.yaml:1:38: error: `a` is a name of `A` already",
                "tracking-plan.yaml:2:10: error: the fields has no key `cart_idd`; did you mean `cart_id`?",
            ]
        ),
        (
            "events: {}\nfields: {cart_id: [propertis.a, a..b]}\nproduct: {id: id}\nkeywords: {start: [stop]}\n",
            [
                "tracking-plan.yaml:2:20: error: a path cannot begin with `propertis`; did you mean `properties`?",
                "tracking-plan.yaml:2:33: error: `a..b` is no path: names with dots between them, at most 8",
                "tracking-plan.yaml:4:20: error: `stop` has another meaning already",
            ]
        ),
    ])
    func `mistakes of the tracking plan are said with their places`(
        plan: String,
        expected: [String]
    ) {
        #expect(Samples.mistakes(Samples.files(plan: plan)) == expected)
    }

    @Test func `a missing folder is one mistake`() {
        let report = ConfigReport(ConfigSource(folder: "/no/such/folder/", environment: [:]))
        #expect(
            report.mistakes.map(\.description)
                == [
                    "/no/such/folder/collie.yaml:1:1: error: the file is missing: there is no such folder"
                ]
        )
    }

    @Test func `missing and unknown files are named`() {
        #expect(
            Samples.mistakes(["collie.yml": "", "flows/a.yaml": Samples.flow]) == [
                "collie.yaml:1:1: error: the file is missing",
                "collie.yml:1:1: warning: the file is not read; did you mean `collie.yaml`?",
                "policies.yaml:1:1: warning: the file is missing: nothing is capped, no hour is quiet",
                "tracking-plan.yaml:1:1: error: the file is missing",
            ]
        )
    }

    @Test func `what follows from a broken file is not said again`() {
        var files = Samples.files(
            plan: "events: [",
            policies: "caps: [{id: a, limit: 1, window: 1d, flows: [cart]}]"
        )
        files["flows/cart.yaml"] = Samples.flow.replacing(
            "{abandoned: cart, after: 60m}",
            with: "{event: Order Completed, aftr: 1}"
        )
        #expect(
            Samples.mistakes(files) == [
                "flows/cart.yaml:3:35: error: a trigger has no key `aftr`; did you mean `after`?",
                "tracking-plan.yaml:2:1: error: a value is missing here; a list or mapping is not closed",
            ]
        )
        files["flows/cart.yaml"] = "id: ["
        #expect(Samples.mistakes(files).count == 2)
    }

    @Test func `two flows cannot share an id or a stage`() {
        var files = Samples.files()
        files["flows/d.yaml"] = Samples.flow
        #expect(
            Samples.mistakes(files) == [
                "flows/d.yaml:1:5: error: the flow id `cart` is used in flows/cart.yaml:1:5 already"
            ]
        )
        files["flows/d.yaml"] = Samples.flow.replacing("id: cart", with: "id: other")
        #expect(
            Samples.mistakes(files) == [
                "flows/d.yaml:3:10: error: the flow `cart` has the trigger `abandoned: cart` already; there can be one"
            ]
        )
    }

    @Test func `short windows are for demonstrations`() {
        let files = Samples.files(flow: Samples.flow.replacing("60m", with: "10s"))
        #expect(Samples.mistakes(files).count == 1)
        #expect(Samples.mistakes(files, options: SettingsOptions(allowShortWindows: true)) == [])
    }

    @Test func `a nearest word is near`() {
        #expect(Suggestion.nearest(to: "chanel", among: ["channels", "channel"]) == "channel")
        #expect(Suggestion.nearest(to: "qiuet", among: ["quiet", "quit"]) == "quiet")
        #expect(Suggestion.nearest(to: "abc", among: ["xyz"]) == nil)
        #expect(Suggestion.nearest(to: "a", among: ["b"]) == nil)
        #expect(Suggestion.nearest(to: "", among: ["b"]) == nil)
    }
}
