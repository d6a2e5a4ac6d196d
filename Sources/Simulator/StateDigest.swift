import Events
import Identity
import Memory
import Pipeline
import Profiles

extension Decider {
    /// A hash of what the pipeline knows: the same for the same history, on any number of shards.
    func digest() -> UInt64 {
        var hash = Digest()
        hash.add(pipeline.resolver.watermark)
        hash.add(pipeline.resolver.fired)
        hash.add(Int64(bitPattern: pipeline.resolver.sequence))
        // Which shard has which profile depends on their number, so profiles are summed up.
        var sum: UInt64 = 0
        var slots: [[UInt32]] = []
        var handle: UInt32 = 1
        while handle <= pipeline.resolver.graph.profiles.handleMax {
            let record = pipeline.resolver.graph.profiles[handle]
            if record.forward == 0 {
                while slots.count <= Int(record.shard) { slots.append([]) }
                slots[Int(record.shard)].append(record.slot)
            }
            handle += 1
        }
        var index = 0
        pipeline.eachShard { shard in
            if index < slots.count {
                for slot in slots[index] { sum &+= Digest.profile(slot, of: shard.store) }
            }
            index += 1
        }
        hash.add(Int64(bitPattern: sum))
        return hash.hash
    }
}

/// FNV-1a over words.
struct Digest {
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ word: Int64) {
        hash = (hash ^ UInt64(bitPattern: word)) &* 0x0000_0100_0000_01b3
        hash ^= hash >> 29
    }

    mutating func add(_ time: EventTime) { add(time.milliseconds) }

    mutating func add(_ id: Hash128) {
        add(Int64(bitPattern: id.high))
        add(Int64(bitPattern: id.low))
    }

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        add(Int64(bytes.count))
    }

    /// What one profile holds.
    static func profile(_ slot: UInt32, of store: borrowing ProfileStore) -> UInt64 {
        let profile = store.profiles[slot]
        var digest = Digest()
        digest.add(profile.id)
        digest.add(profile.lastClick)
        var handle = profile.sends
        while handle != 0 {
            digest.add(store.sends[handle].id)
            digest.add(store.sends[handle].time)
            handle = store.sends[handle].next
        }
        handle = profile.carts
        while handle != 0 {
            let cart = store.carts[handle]
            digest.add(Int64(bitPattern: cart.key))
            digest.add(cart.lastActivity)
            digest.add(Int64(cart.operationCount))
            digest.add(Int64(cart.stage.rawValue))
            handle = cart.next
        }
        handle = profile.enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            digest.add(Int64(bitPattern: record.flow))
            digest.add(Int64(bitPattern: record.entity))
            digest.add(Int64(record.step))
            digest.add(record.due)
            digest.add(record.lastActivity)
            handle = record.next
        }
        handle = profile.endpoints
        while handle != 0 {
            digest.add(store.endpoints[handle].hash)
            digest.add(store.endpoints[handle].lastSeen)
            for index in 0..<9 {
                digest.add(Int64(store.endpoints[handle].consent[index].rawValue))
            }
            handle = store.endpoints[handle].next
        }
        handle = profile.orders
        while handle != 0 {
            digest.add(Int64(bitPattern: store.orders[handle].key))
            handle = store.orders[handle].next
        }
        return digest.hash
    }
}
