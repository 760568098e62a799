// A test process that comes to a bad end, for the test that nothing of it is left.
package controlplane

import (
	"fmt"
	"os"
)

// victim names the variable that makes TestMain start a server in a folder and die when its standard input ends.
const victim = "FOUNTAIN_CONTROLPLANE_VICTIM"

func die(folder string) {
	if _, err := start(folder, nil); err != nil {
		panic(err)
	}
	fmt.Println("started")
	_, _ = os.Stdin.Read(make([]byte, 1))
	panic("as asked")
}
