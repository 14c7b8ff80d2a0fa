import Testing
@Test func placeholderWireTests() {}
