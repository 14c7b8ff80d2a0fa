import Measurement
import Testing

@Suite struct ScaleCurveTests {
    private func result(_ tenants: String, scale: Double = 1) -> BenchmarkResult {
        var result = FakeResult.result(seconds: 10, scale: scale, noise: 0)
        result.configuration["tenants"] = tenants
        return result
    }

    private func curve(
        _ parameter: String, _ results: [BenchmarkResult]
    ) throws -> ScaleCurve {
        try ScaleCurve(
            parameter: parameter,
            results.enumerated().map { (name: "\($0 + 1).json", result: $1) })
    }

    @Test func pointsAreSortedAndRepeatsAreTheirMedian() throws {
        let curve = try curve(
            "tenants",
            [
                result("100,000", scale: 0.5), result("1"), result("1000", scale: 0.9),
                result("1000", scale: 0.8), result("1000", scale: 0.1),
            ])
        #expect(curve.points.map(\.x) == [1, 1000, 100_000])
        #expect(curve.points.map(\.runs) == [1, 3, 1])
        #expect(curve.points.map { $0.writesPerSecond! } == [600, 480, 300])
        #expect(curve.markdown().contains("| canonical | 1,000 | 3 | 480 | "))
    }

    @Test func thePlotIsADocumentOfItsOwn() throws {
        let svg = try curve("tenants", [result("1"), result("1000"), result("100000")]).svg()
        try expectWellFormed(svg)
        expectOnlyNumbers(svg)
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
        #expect(svg.contains("prefers-color-scheme:dark"))
        #expect(svg.contains("class=\"paper\""))
        // Two plots with two lines of three points each.
        #expect(svg.matches(of: /<circle class="dot/).count == 12)
        #expect(svg.contains(">writes</text>") && svg.contains(">reads</text>"))
    }

    @Test func onePointIsAPlotToo() throws {
        let svg = try curve("tenants", [result("7")]).svg()
        try expectWellFormed(svg)
        expectOnlyNumbers(svg)
    }

    @Test func aPhasesOwnNumbersNeedNoOption() throws {
        var one = result("1")
        one.phases[0].nodes = 1
        #expect(try curve("nodes", [one, result("1")]).points.map(\.x) == [1, 3])
    }

    @Test(arguments: [
        ("many", "1.json: tenants is \"many\", which is not a number"),
        ("0", "1.json: tenants is 0, which has no place on a logarithmic axis"),
        ("nan", "1.json: tenants is \"nan\", which is not a number"),
    ])
    func whatIsNoPlaceOnTheAxisIsRefused(value: String, text: String) {
        let error = #expect(throws: ResultFileError.self) { try curve("tenants", [result(value)]) }
        #expect(error?.description == text)
    }

    @Test func anUnknownOptionIsRefusedWithThoseThereAre() {
        let error = #expect(throws: ResultFileError.self) { try curve("shards", [result("1")]) }
        #expect(
            error?.description
                == "1.json has no option \"shards\"; it has nodes, rate, seconds, tenants")
        #expect(throws: ResultFileError.self) { try curve("tenants", []) }
    }
}
