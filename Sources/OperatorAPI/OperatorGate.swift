import Cluster
import HTTPTypes
import Hummingbird
import ServiceDesk
import SupportAPI

/// A refusal of the operator's listener itself.
struct OperatorRefusal: Error {
    let status: HTTPResponse.Status
    let name: String
    let text: String
    init(_ status: HTTPResponse.Status, _ name: String, _ text: String) {
        self.status = status
        self.name = name
        self.text = text
    }
}

/// Lets only operators through, and gives every refusal its status and body.
struct OperatorGate: RouterMiddleware {
    typealias Context = OperatorContext
    let api: OperatorAPI

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        // Whoever hands a request on has let the operator in.
        guard context.isHandedOn || isOperator(request) else {
            return Response.error(
                .unauthorized, "Unauthorized", "An operator's token is needed, as Bearer")
        }
        do { return try await next(request, context) } catch let refusal as OperatorRefusal {
            return Response.error(refusal.status, refusal.name, refusal.text)
        } catch let refusal as DirectoryRefusal {
            return Response.error(refusal.status, refusal.name, refusal.text)
        } catch let refusal as DeskRefusal {
            return ErrorAnswers.answer(refusal).response
        } catch let unavailable as Unavailable {
            return ErrorAnswers.answer(unavailable).response
        } catch let error as NotLeader {
            if context.isHandedOn { throw error }
            return ErrorAnswers.answer(Unavailable(reason: .noLeader, retryAfterSeconds: 1))
                .response
        } catch let error as OutcomeUnknown {
            if context.isHandedOn { throw error }
            return ErrorAnswers.outcomeUnknown.response
        }
    }

    private func isOperator(_ request: Request) -> Bool {
        guard let header = request.headers[.authorization] else { return false }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer", parts[1].utf8.count <= 256
        else { return false }
        return api.node.directory.isOperatorToken(digest: Secrets.digest(String(parts[1])))
    }
}

extension DirectoryRefusal {
    var status: HTTPResponse.Status {
        switch self {
        case .noSuchTenant, .noSuchToken, .noSuchNode: .notFound
        case .nameTaken, .hostnameTaken, .notMarkedForDeletion, .nodeNameTaken, .lastNode: .conflict
        case .invalidName, .invalidHostname, .invalidLimit, .invalidNode, .invalidSerial,
            .invalidSetting:
            .unprocessableContent
        }
    }

    var name: String {
        switch self {
        case .nameTaken: "NameTaken"
        case .invalidName: "InvalidName"
        case .invalidHostname: "InvalidHostname"
        case .hostnameTaken: "HostnameTaken"
        case .noSuchTenant: "NoSuchTenant"
        case .noSuchToken: "NoSuchToken"
        case .notMarkedForDeletion: "NotMarkedForDeletion"
        case .noSuchNode: "NoSuchNode"
        case .nodeNameTaken: "NodeNameTaken"
        case .invalidNode: "InvalidNode"
        case .lastNode: "LastNode"
        case .invalidSerial: "InvalidSerial"
        case .invalidSetting: "InvalidSetting"
        case .invalidLimit: "InvalidLimit"
        }
    }
}
