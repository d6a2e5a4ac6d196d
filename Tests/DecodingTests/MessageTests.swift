import Events
import Testing

@testable import Decoding

@Suite("Consent and messages")
struct MessageTests {
    let bench = Bench()

    func read(_ name: String, _ properties: String, ids: String = #""userId":"u","#)
        -> CustomerEvent
    {
        bench.read(
            #"{"type":"track","event":"\#(name)",\#(ids)"properties":{\#(properties)}}"#
        )
    }

    func hash(_ kind: IdentifierKind, _ value: String) -> Hash128 {
        Bench.key.hash(kind: kind.rawValue, value)
    }

    @Test(arguments: ConsentState.allCases)
    func `every consent state is known`(_ state: ConsentState) {
        let event = read("Consent Updated", #""channel":"sms","state":"\#(state.name)""#)
        #expect(event.consent == state)
        #expect(event.hasChannel)
        #expect(event.channel == .sms)
        #expect(!event.endpoint.isSet)
    }

    @Test(arguments: Channel.allCases)
    func `every channel is known`(_ channel: Channel) {
        let name = channel.name.uppercased()
        let event = read("Consent Updated", #""channel":"\#(name)","state":"subscribed""#)
        #expect(event.channel == channel)
    }

    @Test func `a consent change that cannot be understood is a dead letter`() {
        for (properties, path) in [
            (#""state":"subscribed""#, "properties.channel"),
            (#""channel":"pigeon","state":"subscribed""#, "properties.channel"),
            (#""channel":"sms","state":"perhaps""#, "properties.state"),
            (#""channel":"sms""#, "properties.state"),
        ] {
            let event = read("Consent Updated", properties)
            #expect(event.refusal == "invalid_field")
            #expect(bench.string(event.body) == path)
        }
    }

    @Test func `a consent change may name an endpoint`() {
        let email = read(
            "Consent Updated",
            #""channel":"email","state":"subscribed","endpoint":" A@B.c ""#
        )
        #expect(email.endpoint == hash(.email, "a@b.c"))
        #expect(bench.identifiers(email) == ["user_id:u"])
        let phone = read(
            "Consent Updated",
            #""channel":"whatsapp","state":"subscribed","endpoint":"+919876543210""#
        )
        #expect(phone.endpoint == hash(.phone, "+919876543210"))
        let id = read(
            "Consent Updated",
            #""channel":"whatsapp","state":"subscribed","endpoint":"919876543210""#
        )
        #expect(id.endpoint == hash(.whatsAppID, "919876543210"))
        let alone = read(
            "Consent Updated",
            #""channel":"email","state":"subscribed","endpoint":"a@b.c""#,
            ids: ""
        )
        #expect(bench.identifiers(alone) == ["email:a@b.c"])
    }

    @Test func `consent to something else than marketing changes nothing`() {
        let event = read(
            "Consent Updated",
            #""channel":"sms","state":"unsubscribed","purpose":"service""#
        )
        #expect(!event.hasChannel)
        let marketing = read(
            "Consent Updated",
            #""channel":"sms","state":"unsubscribed","purpose":"Marketing""#
        )
        #expect(marketing.hasChannel)
    }

    @Test(arguments: [
        ("email", "Ann@Example.com", ["email:ann@example.com"]),
        ("sms", "+91 98765 43210", ["phone:+919876543210"]),
        ("whatsapp", "919876543210", ["phone:+919876543210", "wa_id:919876543210"]),
        ("viber", "+919876543210", ["phone:+919876543210"]),
        ("viber", "abc==", ["viber_id:abc=="]),
        ("telegram", "4711", ["telegram_chat_id:4711"]),
    ])
    func `who wrote is an identifier`(_ channel: String, _ from: String, _ expected: [String]) {
        let event = read(
            "Message Received",
            #""channel":"\#(channel)","from":"\#(from)","text":"Hello""#,
            ids: ""
        )
        #expect(bench.identifiers(event) == expected)
        #expect(event.endpoint.isSet)
        #expect(event.keyword == .other)
        #expect(bench.string(event.body) == "Hello")
    }

    @Test(arguments: [
        ("STOP", InboundKeyword.stop), (" stop. ", .stop), ("Stop!!", .stop), ("“Stop”", .stop),
        ("unsubscribe", .stop), ("CANCEL", .stop), ("End", .stop), ("QUIT", .stop),
        ("opt-out", .stop), ("OPTOUT", .stop), ("revoke", .stop), ("STOPALL", .stopAll),
        ("stop   all", .stopAll), ("Stop\\u00a0all.", .stopAll), ("start", .start),
        ("YES", .start), ("unstop", .start), ("please stop", .other), ("stop it", .other),
        ("", .other), ("...", .other), ("stopp", .other), ("s t o p", .other),
    ])
    func `keywords are heard whatever surrounds them`(_ text: String, _ keyword: InboundKeyword) {
        let event = read(
            "Message Received",
            #""channel":"sms","from":"+919876543210","text":"\#(text)""#,
            ids: ""
        )
        #expect(event.keyword == keyword)
    }

    @Test func `a shop may add words of its own language`() {
        var plan = TrackingPlan.standard
        plan.keywords["стоп"] = .stop
        let bench = Bench(plan)
        for word in ["стоп", "Стоп!", "СТОП"] {
            let event = bench.read(
                #"{"type":"track","event":"Message Received","properties":{"channel":"sms","#
                    + #""from":"+380441234567","text":"\#(word)"}}"#
            )
            #expect(event.keyword == .stop)
        }
    }

    @Test func `events of the e-mail specification know their channel`() {
        for (name, meaning) in [
            ("Unsubscribed", EventMeaning.unsubscribed),
            ("Email Marked as Spam", .markedAsSpam),
            ("Marked as Spam", .markedAsSpam),
            ("Email Link Clicked", .messageClicked),
            ("Email Opened", .messageOpened),
        ] {
            let event = read(name, "")
            #expect(event.meaning == meaning)
            #expect(event.channel == .email)
            #expect(event.hasChannel)
        }
        let sms = read("Message Clicked", #""channel":"sms","send_id":"1""#)
        #expect(sms.channel == .sms)
    }
}
