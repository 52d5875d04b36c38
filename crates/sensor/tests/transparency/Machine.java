import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads, files and processes as a Java server uses them; the collector and the compiler run beside. */
public final class Machine {
    public static void main(String[] arguments) throws Exception {
        Path directory = Files.createTempDirectory("machine");
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Integer>> results = new ArrayList<>();
        for (int worker = 0; worker < 8; worker++) {
            int number = worker;
            results.add(pool.submit((Callable<Integer>) () -> {
                int written = 0;
                for (int i = 0; i < 200; i++) {
                    Path file = directory.resolve(number + "-" + i);
                    try (FileOutputStream out = new FileOutputStream(file.toFile())) {
                        out.write(new byte[4096]);
                    }
                    written += Files.readAllBytes(file).length;
                    Files.delete(file);
                }
                return written;
            }));
        }
        long total = 0;
        for (Future<Integer> result : results) total += result.get();
        System.out.println("bytes: " + total);
        Process process = new ProcessBuilder("/bin/sh", "-c", "echo child; exit 6").redirectErrorStream(true).start();
        System.out.print(new String(process.getInputStream().readAllBytes()));
        System.out.println("exit: " + process.waitFor());
        pool.shutdown();
        Files.delete(directory);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        System.exit(4);
    }
}
