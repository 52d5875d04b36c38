// Goroutines that are preempted by signals (SIGURG, every 10 ms) while others open files and start programs.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func busy(stop <-chan struct{}, turns *int64) {
	for {
		select {
		case <-stop:
			return
		default:
			for i := int64(0); i < 1000000; i++ {
				*turns += i & 1
			}
		}
	}
}

func main() {
	stop := make(chan struct{})
	var turns [4]int64
	for i := range turns {
		go busy(stop, &turns[i])
	}
	var wait sync.WaitGroup
	failed := make([]int, 8)
	for i := range failed {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			for n := 0; n < 500; n++ {
				file, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
				if err != nil {
					failed[i]++
					continue
				}
				file.Close()
			}
		}(i)
	}
	wait.Wait()
	fmt.Println("failed:", failed)
	started := 0
	for n := 0; n < 20; n++ {
		if exec.Command("/bin/true").Run() == nil {
			started++
		}
	}
	fmt.Println("started:", started)
	close(stop)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	select {
	case <-signals:
		fmt.Println("told to end")
	case <-time.After(10 * time.Second):
		fmt.Println("not told")
	}
	os.Exit(11)
}
