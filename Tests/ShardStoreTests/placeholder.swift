import Testing
@Test func placeholderShardStoreTests() {}
