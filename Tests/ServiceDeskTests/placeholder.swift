import Testing
@Test func placeholderServiceDeskTests() {}
