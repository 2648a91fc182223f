package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"

	"github.com/xdg-go/scram"

	"millrace/sql/sqlerr"
)

const (
	// iterations are PostgreSQL's SCRAM_DEFAULT_ITERATIONS.
	iterations = 4096
	saltBytes  = 16
	keyBytes   = 32
	// maxIterations bounds the work that a stored verifier may ask of clients.
	maxIterations = 10_000_000
)

// verifierForm is PostgreSQL's form of a SCRAM-SHA-256 secret
// (https://www.postgresql.org/docs/15/catalog-pg-authid.html).
var verifierForm = regexp.MustCompile(`^SCRAM-SHA-256\$([0-9]{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$`)

// md5Form is an MD5 hash as older servers keep it.
var md5Form = regexp.MustCompile(`^md5[0-9a-f]{32}$`)

// Verifier returns what is kept of a password: PostgreSQL's form of a SCRAM-SHA-256
// secret with a new salt. A text that has this form is kept as it is. The errors have
// SQLSTATE 0A000 (an MD5 hash) and 22023 (a damaged secret).
func Verifier(password string) (string, error) {
	switch {
	case verifierForm.MatchString(password):
		if _, err := parseVerifier(password); err != nil {
			return "", sqlerr.New(sqlerr.InvalidParameterValue, -1, "invalid SCRAM-SHA-256 secret: %w", err)
		}
		return password, nil
	case md5Form.MatchString(password):
		return "", sqlerr.New(sqlerr.FeatureNotSupported, -1, "MD5 passwords are not supported").
			WithHint("Set the password itself; what is kept is a SCRAM-SHA-256 secret.")
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return newVerifier(password, salt)
}

func newVerifier(password string, salt []byte) (string, error) {
	// What SASLprep cannot prepare is taken as it is, as libpq and PostgreSQL do.
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		if client, err = scram.SHA256.NewClientUnprepped("", password, ""); err != nil {
			return "", err
		}
	}
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(keys.StoredKey), encode(keys.ServerKey)), nil
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// parseVerifier reads what Verifier returned.
func parseVerifier(text string) (scram.StoredCredentials, error) {
	parts := verifierForm.FindStringSubmatch(text)
	if parts == nil {
		return scram.StoredCredentials{}, fmt.Errorf("it has another form than SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey")
	}
	var keys scram.StoredCredentials
	var err error
	if keys.Iters, err = strconv.Atoi(parts[1]); err != nil || keys.Iters < 1 || keys.Iters > maxIterations {
		return keys, fmt.Errorf("%s iterations", parts[1])
	}
	decoded := make([][]byte, 3)
	for i := range decoded {
		if decoded[i], err = base64.StdEncoding.DecodeString(parts[i+2]); err != nil {
			return keys, err
		}
	}
	keys.Salt, keys.StoredKey, keys.ServerKey = string(decoded[0]), decoded[1], decoded[2]
	if len(keys.StoredKey) != keyBytes || len(keys.ServerKey) != keyBytes {
		return keys, fmt.Errorf("its keys are not of %d bytes", keyBytes)
	}
	return keys, nil
}
