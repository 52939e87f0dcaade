package import BoxModel

/// What a template works on.
package enum TemplateValue {
    /// What a key that a map does not have gives.
    case missing
    case json(JSON)
    case record(TemplateRecord)
    case list([TemplateValue])

    /// The value as JSON; a record gives all fields that are not expensive.
    package func json() throws -> JSON {
        switch self {
        case .missing: return .null
        case .json(let value): return value
        case .record(let record): return try record.json()
        case .list(let values): return .array(try values.map { try $0.json() })
        }
    }
}

/// A row of a listing: named fields, some of them computed when a template asks for them.
package struct TemplateRecord {
    /// How a field comes to its value.
    package enum Body {
        case value(JSON)
        case computed(() throws -> JSON)
        /// Computed only where the template names the field; `{{json .}}` has the first value.
        case expensive(String, () throws -> JSON)
        /// Takes one argument, as in `{{.Label "key"}}`.
        case method((String) throws -> JSON)
        /// A record or list of its own.
        case nested(() throws -> TemplateValue)
    }

    /// A name and its value.
    package struct Field {
        package let name: String
        package let body: Body

        package init(_ name: String, _ body: Body) {
            self.name = name
            self.body = body
        }

        /// A field whose text is known.
        package init(_ name: String, _ text: String) {
            self.init(name, .value(.string(text)))
        }
    }

    package let fields: [Field]

    package init(_ fields: [Field]) {
        self.fields = fields
    }

    /// All fields but methods, sorted by name as docker prints its rows.
    package func json() throws -> JSON {
        var object = JSONObject()
        for field in fields {
            switch field.body {
            case .value(let value): object[field.name] = value
            case .computed(let compute): object[field.name] = try compute()
            case .nested(let compute): object[field.name] = try compute().json()
            case .expensive(let placeholder, _): object[field.name] = .string(placeholder)
            case .method: break
            }
        }
        return .object(object.sorted())
    }
}
