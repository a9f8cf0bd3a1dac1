//go:build tools

// Package core pins what the Pulumi engine is built from; nothing imports it.
package core

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
