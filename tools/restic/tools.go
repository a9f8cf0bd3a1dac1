//go:build tools

// Package restic pins what restic is built from; nothing imports it.
package restic

import _ "github.com/restic/restic/cmd/restic"
