package publish

// ErrorDocument is the body of every answer that is not a success.
type ErrorDocument struct {
	Error string `json:"error"`
}
