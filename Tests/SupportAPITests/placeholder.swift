import Testing
@Test func placeholderSupportAPITests() {}
