import CPlatform
import Kafka

/// Asks the broker, on a thread of its own, what nobody else has time to wait for.
///
/// Says when the broker is away or a topic is missing, and when that is over. Also gives back to
/// the system what a burst has left in the heap: there records lie on their way from and to the
/// broker.
final class KafkaWatch {
    /// A broker that hesitates this long is said to be away.
    private static let hesitationMilliseconds: Int64 = 500
    private static let waitBegin: Int64 = 200
    private static let waitMax: Int64 = 1_600
    private static let trimInterval: Int64 = 30_000

    private let membership: KafkaMembership
    private var brokerNotice = WaitingNotice()
    private var topicNotices: [String: WaitingNotice] = [:]
    private var nextTopics: Int64 = 0
    private var nextEnds: Int64 = 0
    private var nextTrim = collie_monotonic_milliseconds() + KafkaWatch.trimInterval
    private var silentSince: Int64?
    // What the client has said of the connection since the broker is silent.
    private var trouble: String?
    // Grows with each silence, so that a slow broker is not asked anew before it could answer.
    private var wait = KafkaWatch.waitBegin

    init(_ membership: KafkaMembership) { self.membership = membership }

    func run() {
        while membership.isWatched {
            let now = collie_monotonic_milliseconds()
            if now >= nextTopics { askForTopics(now) }
            if now >= nextEnds { askForEnds(now) }
            if now >= nextTrim {
                collie_heap_trim()
                nextTrim = now + KafkaWatch.trimInterval
            }
            membership.pauseWatch(atMost: .milliseconds(50))
        }
    }

    private func askForTopics(_ now: Int64) {
        var isComplete = true
        for topic in [membership.settings.leaderTopic] + membership.topics {
            if !membership.isWatched { return }
            let asked = collie_monotonic_milliseconds()
            do throws(KafkaError) {
                let count = try membership.consumer.partitionCount(
                    of: topic,
                    within: .milliseconds(wait)
                )
                answered(asked)
                membership.note(partitionCount: count, of: topic)
                if count == 0 { isComplete = false }
                tell(topic, isMissing: count == 0, reason: "it does not exist")
            } catch {
                isComplete = false
                if error.kind == .authorization {
                    answered(asked)
                    tell(topic, isMissing: true, reason: error.description)
                } else {
                    silent(asked, error)
                    break
                }
            }
        }
        let pause = isComplete ? membership.timing.topicsInterval.wholeMilliseconds : 500
        nextTopics = now + pause
    }

    private func askForEnds(_ now: Int64) {
        nextEnds = now + membership.timing.endsInterval.wholeMilliseconds
        let partitions = membership.partitions
        if partitions.isEmpty { return }
        let asked = collie_monotonic_milliseconds()
        do throws(KafkaError) {
            let ends = try membership.consumer.ends(of: partitions, within: .milliseconds(wait))
            answered(asked)
            membership.note(ends: ends, of: partitions, askedAt: asked)
            if let journal = membership.journal,
                let end = try membership.consumer.ends(of: [journal], within: .milliseconds(wait))
                    .first
            {
                membership.note(journalEnd: end)
            }
        } catch { silent(asked, error) }
    }

    private func answered(_ asked: Int64) {
        silentSince = nil
        trouble = nil
        wait = KafkaWatch.waitBegin
        membership.noteAnswer(askedAt: asked)
        brokerNotice.over("the broker answers", membership.log)
        membership.health.over(broker)
    }

    private func silent(_ asked: Int64, _ error: KafkaError) {
        if let told = membership.consumer.takeTrouble() { trouble = told.description }
        if error.kind == .timedOut { wait = min(wait * 2, KafkaWatch.waitMax) }
        let since = silentSince ?? asked
        silentSince = since
        guard collie_monotonic_milliseconds() - since >= KafkaWatch.hesitationMilliseconds else {
            return
        }
        let reason = trouble ?? error.description
        brokerNotice.waiting(for: broker, reason: reason, membership.log)
        membership.health.waiting(for: broker, reason: reason)
    }

    private var broker: String { "broker \(membership.settings.bootstrapServers)" }

    private func tell(_ topic: String, isMissing: Bool, reason: String) {
        var notice = topicNotices[topic] ?? WaitingNotice()
        if isMissing {
            notice.waiting(for: "topic \(topic)", reason: reason, membership.log)
            membership.health.waiting(for: "topic \(topic)", reason: reason)
        } else {
            notice.over("topic \(topic) is there", membership.log)
            membership.health.over("topic \(topic)")
        }
        topicNotices[topic] = notice
    }
}
