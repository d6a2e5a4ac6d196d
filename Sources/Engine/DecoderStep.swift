package import Decoding

extension EventDecoder: BlockDecoder {}
