import LoadGenerator
import Testing

@Suite struct TenantMixTests {
    @Test func theFirstTenantIsAskedForAsZipfSays() {
        let mix = TenantMix(tenants: 3, exponent: 1)
        // Weights 1, 1/2, 1/3 of 11/6.
        let count = 60_000
        var hits = [0, 0, 0]
        for number in 0..<count { hits[mix.rank(at: Double(number) / Double(count))] += 1 }
        #expect(abs(hits[0] - count * 6 / 11) <= 2)
        #expect(abs(hits[1] - count * 3 / 11) <= 2)
        #expect(abs(hits[2] - count * 2 / 11) <= 2)
    }
}
