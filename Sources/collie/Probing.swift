import Engine
import Kafka
import Probes
import Settings

/// Nobody could ask this instance how it is.
struct ProbeFailure: Error, CustomStringConvertible { let description: String }

/// Begins to answer an orchestrator, if the config says where; nil if it does not.
func startProbes(_ settings: Settings, _ health: Health, _ log: Log) throws -> ProbeServer? {
    guard var address = settings.health.listen else { return nil }
    do throws(ProbeServer.Failure) {
        let server = try ProbeServer(host: address.host, port: address.port) { path in
            ProbeAnswer(to: path, health.reading)
        }
        address.port = server.port
        log.line(.notice, "answers /livez, /readyz and /startupz on \(address)")
        return server
    } catch {
        throw ProbeFailure(
            description: """
                cannot listen on \(address): \(error). Name an address of this machine and a port of \
                this instance's own in `health.listen`, or `off`.
                """
        )
    }
}
