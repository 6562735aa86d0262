//! Login states, levels, OpenID messages, claims, tokens.
