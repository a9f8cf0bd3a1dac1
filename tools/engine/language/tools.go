//go:build tools

// Package language pins what Pulumi's Python language host is built from; nothing imports it.
package language

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
