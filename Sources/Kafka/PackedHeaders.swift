import CLibrdkafka

/// Headers as they travel through Collie: each a 16-bit length, a name, a 32-bit length and a
/// value, little-endian, one behind the other.
///
/// librdkafka parses headers when first asked and allocates for each, so records without any are
/// not asked twice, and nobody keeps its list.
enum PackedHeaders {
    /// Calls with the name and value of each header of a record.
    static func each(
        of message: UnsafeMutablePointer<rd_kafka_message_t>,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
        var headers: OpaquePointer?
        guard
            unsafe rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let headers = unsafe headers
        else { return }
        var index = 0
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        // The list belongs to the message; names are zero-terminated, a value has its size.
        while unsafe rd_kafka_header_get_all(headers, index, &name, &value, &size)
            == RD_KAFKA_RESP_ERR_NO_ERROR, let begin = unsafe name
        {
            let length = unsafe collie_kafka_text_length(begin)
            unsafe body(
                UnsafeRawBufferPointer(start: begin, count: length),
                UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size)
            )
            index += 1
        }
    }

    /// Makes librdkafka's list of packed headers; nil if there are none.
    static func list(_ packed: RawSpan) throws(KafkaError) -> OpaquePointer? {
        if packed.byteCount == 0 { return nil }
        // Destroyed on failure below, else handed to the record.
        guard let headers = unsafe rd_kafka_headers_new(8) else { return nil }
        var offset = 0
        while offset < packed.byteCount {
            guard let name = span(packed, &offset, lengthBytes: 2),
                let value = span(packed, &offset, lengthBytes: 4)
            else {
                unsafe rd_kafka_headers_destroy(headers)
                throw KafkaError(.other, "kafka: headers are not packed as they should be")
            }
            // The library copies both.
            let code = unsafe packed.withUnsafeBytes { bytes in
                unsafe rd_kafka_header_add(
                    headers,
                    bytes.baseAddress! + name.lowerBound,
                    name.count,
                    bytes.baseAddress! + value.lowerBound,
                    value.count
                )
            }
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                unsafe rd_kafka_headers_destroy(headers)
                throw KafkaError(code, "kafka: cannot add a header")
            }
        }
        return unsafe headers
    }

    /// The range of a text behind its length; nil if it does not fit.
    private static func span(
        _ packed: RawSpan,
        _ offset: inout Int,
        lengthBytes: Int
    ) -> Range<Int>? {
        guard offset + lengthBytes <= packed.byteCount else { return nil }
        var length = 0
        for index in 0..<lengthBytes {
            // In bounds by the check above.
            let byte = unsafe packed.unsafeLoad(
                fromUncheckedByteOffset: offset + index,
                as: UInt8.self
            )
            length |= Int(byte) << (8 * index)
        }
        let begin = offset + lengthBytes
        guard length <= packed.byteCount - begin else { return nil }
        offset = begin + length
        return begin..<offset
    }
}
