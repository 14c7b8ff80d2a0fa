import Testing
@Test func placeholderClusterTests() {}
