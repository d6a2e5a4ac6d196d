import Events
import Foundation
import Testing

@testable import Decoding

/// Prints how many events of the usual size one decoder reads in a second; asserts nothing of it.
@Suite("Decoder throughput", .serialized)
struct Throughput {
    /// An event of 930 bytes as Segment's libraries send it.
    static func event(_ number: Int) -> [UInt8] {
        let stamp = "2026-05-01T12:30:\(String(format: "%02d.%03d", number % 60, number % 1_000))Z"
        let head =
            #"{"anonymousId":"5b2f8a7c-33d1-4c9c-8f0e-\#(String(format: "%012x", number))","#
            + #""context":{"ip":"203.0.113.7","library":{"name":"analytics.js","version":"2.11.1"},"#
            + #""locale":"en-IN","timezone":"Asia/Kolkata","page":{"path":"/dog-food","referrer":"","#
            + #""search":"","title":"Dog food","url":"https://shop.example.com/dog-food"},"#
            + #""userAgent":"Mozilla/5.0 (Linux; Android 14; Pixel 7) Chrome/124.0 Safari/537.36"},"#
            + #""event":"Product Added","integrations":{},"messageId":"ajs-\#(number)-abcdef","#
            + #""originalTimestamp":"\#(stamp)","#
            + #""properties":{"cart_id":"c\#(number)","product_id":"p-\#(number % 1_000)","#
            + #""sku":"G-32","category":"Food","name":"Salmon kibble","brand":"Hill","price":1899.50,"#
            + #""quantity":1,"currency":"INR","url":"https://shop.example.com/p/\#(number % 1_000)","#
            + #""image_url":"https://cdn.example.com/p/\#(number % 1_000).jpg"},"#
            + #""receivedAt":"\#(stamp)","sentAt":"\#(stamp)","timestamp":"\#(stamp)","#
            + #""type":"track","userId":"user-\#(number)","traits":{"x":""#
        let rest = max(0, 930 - head.utf8.count - 3)
        return Array((head + String(repeating: "x", count: rest) + "\"}}").utf8)
    }

    @Test func `decoding is measured`() {
        let bench = Bench(capacity: .init(rawBytes: 1 << 20, textBytes: 1 << 20, records: 4_096))
        var bytes = 0
        for number in 0..<1_000 {
            let event = Throughput.event(number)
            bytes += event.count
            bench.add(event)
        }
        let ends = (bench.block.textEnd, bench.block.rawCount)
        var best = Double.infinity
        for _ in 0..<60 {
            bench.block.textEnd = ends.0
            bench.block.identifierCount = 0
            bench.block.productCount = 0
            bench.block.attributeCount = 0
            let clock = ContinuousClock()
            let took = clock.measure { bench.decoder.decode(bench.block) }
            best = min(best, Double(took.components.attoseconds) / 1e18 / 1_000)
        }
        #expect(bench.block[event: 999].refusal == nil)
        #expect(bench.block[event: 999].identifierCount == 2)
        print(
            "decoding: \(bytes / 1_000) bytes an event, \(Int(best * 1e9)) ns,",
            "\(Int(1 / best)) events a second"
        )
    }
}
