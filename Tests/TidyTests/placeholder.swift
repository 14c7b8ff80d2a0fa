import Testing
@Test func placeholderTidyTests() {}
