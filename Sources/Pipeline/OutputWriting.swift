import Abandonment
import Encoding
import Events
import Flows
import FrequencyCapping
import Memory
import Profiles
import Windows

// Encoding of what a shard decides (section 8 of the rules): send commands, decisions, reviews.

extension ShardPipeline {
    private mutating func nextOrder() -> OutputOrder {
        defer { order.ordinal += 1 }
        return order
    }

    private func header(_ name: StaticString, _ body: (OutputBuffer) -> Void) {
        let begin = output.beginHeader(name)
        body(output)
        output.endHeader(begin)
    }

    /// Begins a record with the CloudEvents headers every output has.
    private mutating func begin(
        _ topic: OutputTopic,
        _ kind: OutputTexts.Kind,
        id: Hash128,
        at time: EventTime,
        profile: Hash128
    ) {
        output.begin(topic, order: nextOrder())
        output.put(profile)
        output.endKey()
        texts.putHead(kind, to: output)
        if id.isSet { header("ce_id") { $0.put(id) } }
        header("ce_time") { $0.put(time) }
        header("ce_subject") { $0.put(profile) }
        texts.putContentType(to: output)
    }

    /// The hash of a step, without channel: on several channels it takes one slot (FC-5).
    mutating func stepHash(_ record: EnrollmentRecord) -> UInt64 {
        var state = compiled.rules.hashKey.begin(kind: HashKind.send)
        state.append(key(of: record))
        texts.appendID(Int(record.step), ofFlow: Int(record.flowIndex), to: &state)
        return state.finish().low
    }

    /// The send id: flow and enrollment key, step, channel, attempt; nothing else.
    mutating func sendID(_ record: EnrollmentRecord, _ channel: Channel) -> Hash128 {
        var state = compiled.rules.hashKey.begin(kind: HashKind.send)
        state.append(key(of: record))
        texts.appendID(Int(record.step), ofFlow: Int(record.flowIndex), to: &state)
        state.append(UInt8(0))
        state.append(channel.rawValue)
        state.append(UInt8(0))
        return state.finish()
    }

    // MARK: Commands

    /// Decides a message: reserves its slot, writes the command and its decision.
    mutating func command(
        _ proposed: StepMessage,
        _ channel: Channel,
        _ handle: UInt32,
        _ flow: CompiledFlow,
        at time: EventTime,
        of slot: UInt32
    ) {
        let record = store.enrollments[handle]
        let id = sendID(record, channel)
        let enrollment = key(of: record)
        let endpoint = store.endpoint(of: slot, for: channel)
        counters.commands += 1
        begin(
            .send(channel),
            .command,
            id: id,
            at: time,
            profile: store.profiles[slot].id
        )
        let expiry = expiry(channel, proposed, flow, endpoint, at: time, of: slot)
        header("ce_expirytime") { $0.put(expiry) }
        header("ce_correlationid") { $0.put(enrollment) }
        header("ce_causationid") { $0.put(store.texts.bytes(of: record.cause)) }
        if record.traceparent.isSet {
            header("traceparent") { $0.put(store.texts.bytes(of: record.traceparent)) }
        }
        output.endHeaders()
        writeData(proposed, channel, handle, endpoint, of: slot)
        output.end()
        store.addSend(
            SendRecord(
                id: id,
                step: stepHash(record),
                time: time,
                flow: record.flow,
                enrollment: enrollment.low,
                cart: record.cart == 0 ? 0 : store.carts[record.cart].key,
                channel: channel,
                countsTowardCaps: flow.definition.countsTowardCaps && !channel.isOnSite
            ),
            to: slot
        )
        writeDecision(record, .sent, at: time, channel: channel, sendID: id, of: slot)
    }

    /// The hard deadline of a command (QH-6).
    private func expiry(
        _ channel: Channel,
        _ proposed: StepMessage,
        _ flow: CompiledFlow,
        _ endpoint: UInt32,
        at time: EventTime,
        of slot: UInt32
    ) -> EventTime {
        var expiry: EventTime?
        if flow.definition.obeysQuietHours {
            expiry = compiled.quietHours.nextStart(
                from: time,
                channel: channel,
                messageClass: flow.definition.messageClass,
                country: country(of: slot, endpoint),
                person: zones(of: slot),
                zones: compiled.rules.zones
            )
        }
        if let span = proposed.message.expiresAfter {
            expiry = min(expiry ?? time + span, time + span)
        }
        return expiry ?? time + flow.definition.maxLateness
    }

    private mutating func writeData(
        _ proposed: StepMessage,
        _ channel: Channel,
        _ handle: UInt32,
        _ endpoint: UInt32,
        of slot: UInt32
    ) {
        let record = store.enrollments[handle]
        output.put(#"{"profile":""#)
        output.put(store.profiles[slot].id)
        output.put(#"","channel":""#)
        output.put(text: channel.name)
        output.put(#"","to":{"#)
        if endpoint == 0 {
            output.put(#""profile":""#)
            output.put(store.profiles[slot].id)
            output.put(34)
        } else {
            output.putJSON(text: store.endpoints[endpoint].kind.name)
            output.put(58)
            output.putJSON(store.texts.bytes(of: store.endpoints[endpoint].address))
        }
        output.put("}")
        texts.putCommand(Int(record.step), ofFlow: Int(record.flowIndex), to: output)
        if store.profiles[slot].locale.isSet {
            output.put(#","locale":"#)
            output.putJSON(store.texts.bytes(of: store.profiles[slot].locale))
        }
        output.put(#","time_zone":"#)
        output.putJSON(text: compiled.rules.zones.names[Int(zones(of: slot).zone)])
        output.put(#","variables":{"#)
        writeVariables(proposed, handle, of: slot)
        output.put("}")
        if !proposed.message.compliance.isEmpty {
            output.put(#","compliance":{"#)
            writePairs(proposed.message.compliance)
            output.put("}")
        }
        output.put(#","explain":{"rules":["#)
        writeReadings()
        output.put("]}}")
    }

    private func writePairs(_ pairs: [FlowDefinition.Pair]) {
        for index in pairs.indices {
            if index > 0 { output.put(44) }
            output.putJSON(text: pairs[index].name)
            output.put(58)
            output.putJSON(text: pairs[index].value)
        }
    }

    private mutating func writeVariables(
        _ proposed: StepMessage,
        _ handle: UInt32,
        of slot: UInt32
    ) {
        let record = store.enrollments[handle]
        let stage = compiled.stage(ofFlow: Int(record.flowIndex))
        var currency = record.currency
        if stage == 1 {
            let view = viewToShow(of: slot)
            fold.begin(0, in: store)
            if view != 0 {
                var line = store.views[view].line
                line.quantity = 1
                fold.append(line)
            }
        } else {
            fillFold(cart: record.cart, enrollment: handle)
            if record.cart != 0 { currency = store.carts[record.cart].currency }
        }
        if record.cart != 0, store.carts[record.cart].keyText.isSet {
            output.put(#""cart_id":"#)
            output.putJSON(store.texts.bytes(of: store.carts[record.cart].keyText))
            output.put(44)
        }
        if record.cart == 0, record.entityText.isSet {
            output.put(#""order_id":"#)
            output.putJSON(store.texts.bytes(of: record.entityText))
            output.put(44)
        } else if record.cart != 0, store.carts[record.cart].orderText.isSet {
            output.put(#""order_id":"#)
            output.putJSON(store.texts.bytes(of: store.carts[record.cart].orderText))
            output.put(44)
        }
        output.put(#""currency":""#)
        if currency == 0 { currency = compiled.rules.shopCurrency }
        output.put(UInt8(truncatingIfNeeded: currency >> 16))
        output.put(UInt8(truncatingIfNeeded: currency >> 8))
        output.put(UInt8(truncatingIfNeeded: currency))
        output.put(34)
        if let value = fold.value {
            output.put(#","value":"#)
            output.put(millionths: value)
        }
        output.put(#","items":["#)
        for index in 0..<fold.lines.count {
            if index > 0 { output.put(44) }
            writeItem(fold.lines[index].line)
        }
        output.put("]")
        if !proposed.message.variables.isEmpty {
            output.put(44)
            writePairs(proposed.message.variables)
        }
    }

    private func writeItem(_ line: LineRecord) {
        output.put(#"{"product_id":"#)
        if line.id.isSet {
            output.putJSON(store.texts.bytes(of: line.id))
        } else {
            output.put("null")
        }
        if line.name.isSet {
            output.put(#","name":"#)
            output.putJSON(store.texts.bytes(of: line.name))
        }
        output.put(#","quantity":"#)
        output.put(number: Int64(line.quantity))
        if line.price != Product.unknownPrice {
            output.put(#","price":"#)
            output.put(millionths: line.price)
        }
        if line.url.isSet {
            output.put(#","url":"#)
            output.putJSON(store.texts.bytes(of: line.url))
        }
        if line.imageURL.isSet {
            output.put(#","image_url":"#)
            output.putJSON(store.texts.bytes(of: line.imageURL))
        }
        output.put("}")
    }

    // MARK: Decisions

    /// Writes what became of a candidate, with the rule inputs that decided it.
    mutating func writeDecision(
        _ record: EnrollmentRecord,
        _ outcome: Outcome,
        at time: EventTime,
        channel: Channel?,
        sendID: Hash128 = .none,
        until: EventTime = .none,
        of slot: UInt32
    ) {
        counters.decisions[Int(outcome.rawValue)] += 1
        let enrollment = key(of: record)
        begin(
            .decisions,
            .decision,
            id: .none,
            at: time,
            profile: store.profiles[slot].id
        )
        output.endHeaders()
        output.put(#"{"at":""#)
        output.put(time)
        output.put(#"","profile":""#)
        output.put(store.profiles[slot].id)
        output.put(34)
        texts.putDecision(Int(record.step), ofFlow: Int(record.flowIndex), to: output)
        if let channel {
            output.put(#","channel":""#)
            output.put(text: channel.name)
            output.put(34)
        }
        output.put(#","enrollment":""#)
        output.put(enrollment)
        output.put(#"","outcome":""#)
        output.put(text: outcome.name)
        output.put(34)
        if sendID.isSet {
            output.put(#","send_id":""#)
            output.put(sendID)
            output.put(34)
        }
        if until.isSet {
            output.put(#","until":""#)
            output.put(until)
            output.put(34)
        }
        output.put(#","cause":"#)
        output.putJSON(store.texts.bytes(of: record.cause))
        output.put(#","rules":["#)
        writeReadings()
        output.put("]}")
        output.end()
        // What this candidate's rules saw says nothing about the next one.
        readings.removeAll()
    }

    private func writeReadings() {
        for index in 0..<readings.count {
            if index > 0 { output.put(44) }
            let reading = readings[index]
            output.put(34)
            switch reading.form {
            case .cap:
                output.put(text: compiled.rules.caps[Int(reading.index)].id)
                output.put(32)
                output.put(number: Int64(reading.count))
                output.put(47)
                output.put(number: Int64(reading.limit))
            case .gap: output.put(text: compiled.rules.gaps[Int(reading.index)].id)
            case .quiet: output.put(text: compiled.rules.quiet[Int(reading.index)].id)
            }
            output.put(34)
        }
    }

    /// An inbound message that is no keyword: a human must read it (CO-5).
    mutating func writeReview(_ event: CustomerEvent, in block: EventBlock, of slot: UInt32) {
        begin(
            .review,
            .review,
            id: .none,
            at: event.time,
            profile: store.profiles[slot].id
        )
        output.endHeaders()
        output.put(#"{"at":""#)
        output.put(event.time)
        output.put(#"","profile":""#)
        output.put(store.profiles[slot].id)
        output.put(#"","why":"inbound_message","channel":""#)
        output.put(text: event.channel.name)
        output.put(#"","text":"#)
        output.putJSON(block.bytes(of: event.body))
        output.put(#","cause":"#)
        output.putJSON(block.bytes(of: event.messageID))
        output.put("}")
        output.end()
    }
}
