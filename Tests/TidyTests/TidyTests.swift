import Foundation
import Testing

/// Reads the sources and holds the rules of the house. Each failure names the file, the line and what to do instead.
struct TidyTests {
    @Test(arguments: HouseRules.targets.map(\.name))
    func importsOnlyWhatTheTableAllows(target name: String) throws {
        let target = try #require(HouseRules.targets.first { $0.name == name })
        let files = SourceTree.files(under: target.folder)
        #expect(!files.isEmpty, "\(target.folder) has no sources; take it off the table")
        for file in files {
            for module in Self.imports(of: file) where module != name {
                #expect(
                    target.imports.contains(module),
                    "\(file.path) imports \(module), which \(name) may not; see the table in HouseRules"
                )
            }
        }
    }

    @Test func dependenciesPointDown() {
        var lower: Set<String> = []
        let own = Set(HouseRules.targets.map(\.name))
        for target in HouseRules.targets {
            for module in target.imports.intersection(own).sorted() {
                #expect(
                    lower.contains(module), "\(target.name) imports \(module), which is above it")
            }
            lower.insert(target.name)
        }
    }

    @Test func theTableNamesEveryTargetOfThePackage() {
        let manifest = SourceTree.file("Package.swift").text
        let names = Set(
            manifest.matches(of: /\.(?:target|executableTarget)\(\s*name: "([^"]+)"/).map {
                String($0.output.1)
            })
        #expect(names == Set(HouseRules.targets.map(\.name)).union(HouseRules.targetsInC))
    }

    @Test func architectureNamesEveryTarget() {
        let text = SourceTree.file("ARCHITECTURE.md").text
        for target in HouseRules.targets {
            #expect(
                text.contains("`\(target.name)`"), "ARCHITECTURE.md does not name \(target.name)")
        }
    }

    @Test(arguments: HouseRules.targets.filter(\.isPure).map(\.name))
    func timeRandomnessAndTasksStayAboveTheNetwork(target name: String) throws {
        let target = try #require(HouseRules.targets.first { $0.name == name })
        for file in SourceTree.files(under: target.folder) {
            Self.expectNone(of: HouseRules.impureCalls, in: file)
        }
    }

    @Test func bannedCallsAppearNowhere() {
        let executables = ["lodged", "lodge", "lodge-bench", "lodge-sim"]
        for target in HouseRules.targets where !executables.contains(target.name) {
            for file in SourceTree.files(under: target.folder) {
                Self.expectNone(of: HouseRules.bannedEverywhere, in: file)
            }
        }
    }

    @Test func noWorkIsLeftMarkedInTheSources() {
        for folder in ["Sources", "Benchmarks", "Tests", "deploy"] {
            for file in SourceTree.files(under: folder) where !file.path.contains("TidyTests") {
                for (number, line) in file.lines.enumerated() {
                    let isMarked = ["TODO", "FIXME", "XXX"].contains { line.contains($0) }
                    #expect(
                        !isMarked, "\(file.path):\(number + 1): finish it or write it down outside")
                }
            }
        }
    }

    @Test func typesThatOtherTargetsSeeAreDocumented() {
        let declaration =
            /^\s*(?:package|public) (?:final )?(?:indirect )?(?:struct|class|enum|actor|protocol) (\w+)/
        for file in SourceTree.files(under: "Sources") {
            let lines = file.lines
            for (number, line) in lines.enumerated() {
                guard let match = line.firstMatch(of: declaration) else { continue }
                var above = number - 1
                while above >= 0, lines[above].drop(while: \.isWhitespace).hasPrefix("@") {
                    above -= 1
                }
                let isDocumented =
                    above >= 0 && lines[above].drop(while: \.isWhitespace).hasPrefix("///")
                let nested = line.first?.isWhitespace ?? false
                #expect(
                    isDocumented || nested,
                    "\(file.path):\(number + 1): \(match.output.1) needs a summary line")
            }
        }
    }

    @Test func testsDoNotSleepAndUseNoFixedPorts() {
        let bans = [
            HouseRules.Ban(
                pattern: /\b(?:Task\.sleep|usleep|nanosleep|sleep)\(/,
                instead: "wait for the event, or move virtual time"),
            HouseRules.Ban(
                pattern: /\bport: [1-9][0-9]{3,4}\b/, instead: "use port 0 and ask which it became"),
        ]
        for file in SourceTree.files(under: "Tests") { Self.expectNone(of: bans, in: file) }
    }

    @Test func theReadmeAndTheSampleNameOnlySettingsThatExist() throws {
        let source = SourceTree.file("Sources/lodged/Settings.swift").text
        let list = try #require(source.firstMatch(of: /static let keys = \[([^\]]+)\]/)).output.1
        let keys = list.matches(of: /"([a-z-]+)"/).map { String($0.output.1) }
        #expect(keys.count > 10)
        let readme = SourceTree.file("README.md").text
        let help = SourceTree.file("Sources/lodged/Lodged.swift").text
        for key in keys {
            #expect(readme.contains("`\(key)`"), "README.md does not document the setting \(key)")
            #expect(help.contains("(\"\(key)\","), "lodged has no option for the setting \(key)")
        }
        for line in SourceTree.file("deploy/lodged.yaml").lines where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            #expect(keys.contains(String(line[..<colon])), "deploy/lodged.yaml: \(line)")
        }
    }

    /// The rules are only as good as the reader under them.
    @Test func commentsAndStringsAreNotTakenForCode() {
        let code = CodeText.withoutCommentsAndStrings(
            "let a = \"Task.sleep(\" // Date(\nlet b = \"\"\"\n Date( \n\"\"\"; Date()\n/* UUID( */x"
        )
        #expect(code.matches(of: /Date\(/).count == 1)
        #expect(!code.contains("UUID") && !code.contains("Task"))
        #expect(code.split(separator: "\n", omittingEmptySubsequences: false).count == 5)
    }

    // MARK: Reading

    private static func imports(of file: SourceTree.File) -> [String] {
        file.codeLines.compactMap { line in
            line.firstMatch(
                of:
                    /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:package |public |internal |private |fileprivate )?import (?:(?:struct|class|enum|func|protocol|let|var|typealias) )?(\w+)/
            ).map { String($0.output.1) }
        }
    }

    private static func expectNone(of bans: [HouseRules.Ban], in file: SourceTree.File) {
        for (number, line) in file.codeLines.enumerated() {
            for ban in bans where line.contains(ban.pattern) {
                Issue.record(
                    "\(file.path):\(number + 1): \(line.drop(while: \.isWhitespace)): \(ban.instead)"
                )
            }
        }
    }
}
