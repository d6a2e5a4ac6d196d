/// The command.
@main
struct Collie {
    static func main() {}
}
